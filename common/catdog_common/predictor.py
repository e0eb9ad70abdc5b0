"""Predicts cat or dog by a version's very files: what training measures is what serves."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from catdog_common.artifact import (
    FORMAT,
    LABELS,
    READABLE_FORMATS,
    TRUNK_FILE,
    UNKNOWN,
    ModelMetadata,
    VersionDamagedError,
    file_digest,
    parse_metadata,
    read_metadata,
    verify_manifest,
)
from catdog_common.images import MAX_PIXELS, decode_image
from catdog_common.unknown import PetScorer, pet_log_odds

IMAGENET_CLASSES = 1000


class TrunkOutput(NamedTuple):
    """What a trunk says of one image."""

    features: NDArray[np.float32]  # [F]
    class_probabilities: NDArray[np.float32] | None  # [1000] of ImageNet, where the trunk has them


class Answers(NamedTuple):
    """What a version says of images: probabilities, float32 [n, labels], and the labels that it answers."""

    probabilities: NDArray[np.float32]
    labels: tuple[str, ...]  # [n]: the most probable, or `unknown`


class Trunk:
    """A network from image to features, on LiteRT; threads may share it, as many get in as it has copies.

    Copies of one thread bear other work beside them better than one copy of many threads, which wait for one
    another within each image; a copy takes some 15 MB.
    """

    def __init__(self, model: Path | bytes, threads: int, copies: int = 1) -> None:
        """Load a flatbuffer that takes uint8 [1, S, S, 3] and gives [1, F], and perhaps ImageNet's [1, 1000].

        `model` is its file, or the file's content. `threads` work on one image, in each of the copies.

        Raises:
            VersionDamagedError: the file is no such network.
        """
        self.copies = copies
        name = model if isinstance(model, Path) else TRUNK_FILE
        interpreters = [_load(model, threads) for _ in range(copies)]
        self._free = SimpleQueue[Interpreter]()
        for each in interpreters:
            self._free.put(each)
        self._input = _only_input(interpreters[0], name)
        by_width = {int(output["shape"][-1]): output for output in interpreters[0].get_output_details()}
        self._classes = by_width.pop(IMAGENET_CLASSES, None)
        if len(by_width) != 1:
            raise VersionDamagedError(
                f"{name} has outputs of {sorted(by_width)} features, not one of one width"
            )
        self._features = by_width.popitem()[1]

    @property
    def image_size(self) -> int:
        """The side, in pixels, of the square that the network takes."""
        return int(self._input["shape"][1])

    @property
    def gives_classes(self) -> bool:
        """Whether the network gives ImageNet's probabilities too."""
        return self._classes is not None

    @property
    def width(self) -> int:
        """How many features the network gives."""
        return int(self._features["shape"][-1])

    def run(self, image: NDArray[np.uint8]) -> TrunkOutput:
        """Return what the network says of one image, uint8 [S, S, 3], RGB."""
        interpreter = self._free.get()
        try:
            interpreter.set_tensor(self._input["index"], image[np.newaxis])
            interpreter.invoke()
            features = _output(interpreter, self._features)
            classes = None if self._classes is None else _output(interpreter, self._classes)
            return TrunkOutput(features, classes)
        finally:
            self._free.put(interpreter)


class Predictor:
    """A published version, ready to predict; threads may share it."""

    def __init__(self, trunk: Trunk, metadata: ModelMetadata) -> None:
        """Join a trunk and the head that was trained on its features.

        Raises:
            VersionDamagedError: the two do not fit together.
        """
        self.trunk = trunk
        self.metadata = metadata
        with np.errstate(over="ignore"):  # what is too large is infinite, and told below
            self._weights = np.asarray(metadata.head.weights, dtype=np.float32)
            self._bias = np.asarray(metadata.head.bias, dtype=np.float32)
        labels = len(metadata.labels)
        if self._weights.shape != (trunk.width, labels) or self._bias.shape != (labels,):
            shapes = f"{self._weights.shape} and {self._bias.shape}"
            raise VersionDamagedError(
                f"a head of {shapes} does not fit {trunk.width} features and {labels} labels"
            )
        if not (np.isfinite(self._weights).all() and np.isfinite(self._bias).all()):
            raise VersionDamagedError("a head has weights that float32 can't hold")
        if not metadata.head.temperature > 0:
            raise VersionDamagedError(f"a temperature of {metadata.head.temperature} is not positive")
        self._scorer = _scorer(trunk, metadata)

    @classmethod
    def load(cls, directory: Path, threads: int, copies: int = 1) -> "Predictor":
        """Return the predictor of the version in `directory`, after a check of its files (see Trunk).

        Raises:
            VersionDamagedError: a file is missing, or is not what was published.
        """
        verify_manifest(directory)
        metadata, trunk = read_metadata(directory), Trunk(directory / TRUNK_FILE, threads, copies)
        check_description(metadata, trunk, file_digest(directory / TRUNK_FILE))
        return cls(trunk, metadata)

    @classmethod
    def of_contents(cls, model: bytes, trunk: bytes, threads: int) -> "Predictor":
        """Return the predictor of the contents of a version's two files, which are checked already.

        Raises:
            VersionDamagedError: they are no version that can be served.
        """
        metadata, network = parse_metadata(model), Trunk(trunk, threads)
        check_description(metadata, network, f"sha256:{hashlib.sha256(trunk).hexdigest()}")
        return cls(network, metadata)

    @property
    def image_size(self) -> int:
        """The side, in pixels, of the square that `predict` takes."""
        return self.trunk.image_size

    def decode(self, data: bytes, held_pixels: int = MAX_PIXELS) -> NDArray[np.uint8]:
        """Return the picture in an image file as this version sees it, uint8 [S, S, 3] (see decode_image).

        Raises:
            UnreadableImageError: these bytes are no image that can be decoded.
        """
        return decode_image(data, self.image_size, self.metadata.resampling, held_pixels)

    def run(self, image: NDArray[np.uint8]) -> TrunkOutput:
        """Return what the trunk says of one image, uint8 [S, S, 3], RGB."""
        return self.trunk.run(image)

    def predict(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Return the probabilities, float32 [n, labels] in the order of the metadata's labels."""
        return self.answer(images).probabilities

    def answer(self, images: Sequence[NDArray[np.uint8]]) -> Answers:
        """Return the probabilities, and the labels: `unknown` where no pet is to be seen."""
        if not images:
            return Answers(np.empty((0, len(self.metadata.labels)), np.float32), ())
        outputs = [self.run(image) for image in images]
        features = np.stack([output.features for output in outputs])
        if self._scorer is None:
            return self.answer_features(features, None)
        classes = np.stack([np.asarray(output.class_probabilities) for output in outputs])
        return self.answer_features(features, pet_log_odds(classes))

    def answer_features(self, features: NDArray[np.float32], log_odds: NDArray[np.float64] | None) -> Answers:
        """Return what `answer` does of images of which the trunk said this before.

        That is features, [n, F], and the log-odds of pets, [n], by `pet_log_odds`; a version that never says
        `unknown` does without these.
        """
        head = self.metadata.head
        probabilities = head_probabilities(features, self._weights, self._bias, head.temperature)
        labels = [self.metadata.labels[column] for column in probabilities.argmax(axis=1)]
        if self._scorer is not None:
            if log_odds is None:
                raise ValueError("a version that answers `unknown` was given no log-odds")
            unknown = self._scorer.is_unknown(features, log_odds)
            labels = [
                UNKNOWN if is_unknown else label for label, is_unknown in zip(labels, unknown, strict=True)
            ]
        return Answers(probabilities, tuple(labels))


def check_description(metadata: ModelMetadata, trunk: Trunk, digest: str) -> None:
    """Check what a version says of its trunk and its labels.

    Raises:
        VersionDamagedError: it is of another form, or the trunk is another one.
    """
    if metadata.format not in READABLE_FORMATS:
        raise VersionDamagedError(f"the version is of format {metadata.format}, not {FORMAT}")
    if metadata.labels != LABELS:
        raise VersionDamagedError(f"the version tells apart {metadata.labels}, not {LABELS}")
    if metadata.settings.image_size != trunk.image_size:
        raise VersionDamagedError(
            f"a version for {metadata.settings.image_size} pixels has a trunk for {trunk.image_size}"
        )
    described = metadata.trunk
    if described is not None and (described.digest, described.features) != (digest, trunk.width):
        raise VersionDamagedError(
            f"a head for {described.features} features of the trunk {described.digest} does not fit "
            f"{trunk.width} of the trunk {digest}"
        )


def _scorer(trunk: Trunk, metadata: ModelMetadata) -> PetScorer | None:
    """Return what tells pets from other pictures, or None: the version has no rule for that.

    Raises:
        VersionDamagedError: its rule asks for what the trunk does not give.
    """
    if metadata.unknown is None:
        return None
    try:
        scorer = PetScorer(metadata.unknown)
    except ValueError as error:
        raise VersionDamagedError(f"version {metadata.version}: {error}") from error
    if scorer.width != trunk.width or not trunk.gives_classes:
        raise VersionDamagedError(
            f"a rule for `unknown` on {scorer.width} features and ImageNet's classes does not fit a trunk "
            f"that gives {trunk.width} features {'with' if trunk.gives_classes else 'without'} classes"
        )
    return scorer


def head_probabilities(
    features: NDArray[np.float32], weights: NDArray[np.float32], bias: NDArray[np.float32], temperature: float
) -> NDArray[np.float32]:
    """Return `softmax((features @ weights + bias) / temperature)` by row, float32 [n, labels]."""
    return softmax(features @ weights + bias, temperature)


def softmax(logits: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
    """Return `softmax(logits / temperature)` by row, float32 [n, labels]."""
    cooled = logits / np.float32(temperature)
    powers = np.exp(cooled - cooled.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float32)


def _load(model: Path | bytes, threads: int) -> Interpreter:
    path, content = (str(model), None) if isinstance(model, Path) else (None, model)
    try:
        interpreter = Interpreter(model_path=path, model_content=content, num_threads=threads)
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise VersionDamagedError(f"{path or TRUNK_FILE} is no network for LiteRT: {error}") from error
    return interpreter


def _output(interpreter: Interpreter, details: dict[str, Any]) -> NDArray[np.float32]:
    """Return a copy of an output, as float32 (its integers mean `scale * (value - zero_point)`)."""
    values = np.asarray(interpreter.get_tensor(details["index"])[0], dtype=np.float32)
    scale, zero_point = details["quantization"]
    if scale == 0:  # the output is float already
        return values
    return np.asarray(scale * (values - zero_point), dtype=np.float32)


def _only_input(interpreter: Any, name: object) -> dict[str, Any]:  # noqa: ANN401  LiteRT has no types
    inputs = interpreter.get_input_details()
    shape = tuple(int(side) for side in inputs[0]["shape"])
    if (
        len(inputs) != 1
        or inputs[0]["dtype"] != np.uint8
        or len(shape) != 4
        or shape != (1, shape[1], shape[1], 3)
    ):
        raise VersionDamagedError(
            f"{name} takes {inputs[0]['dtype'].__name__} {shape}, not uint8 (1, S, S, 3)"
        )
    return dict(inputs[0])
