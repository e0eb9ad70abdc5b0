"""The model version on a claim: where its files lie, what they say, and whether they are whole."""

import hashlib
import re
from enum import StrEnum
from pathlib import Path
from typing import Literal

import msgspec

from catdog_common.parsing import parse_json

LABELS = ("cat", "dog")
FORMAT = 2  # of `model.json`: another one for what is read otherwise
READABLE_FORMATS = (1, FORMAT)  # 1 knew no `resampling`, and so means bicubic
UNKNOWN = "unknown"  # the label of an answer, where none of these is to be seen

TRUNK_FILE = "trunk.tflite"
MODEL_FILE = "model.json"
MANIFEST_FILE = "manifest.json"
PHOTOS_FILE = "photos.csv"
HISTORY_FILE = "history.csv"
PLOT_FILE = "training.png"
EVALUATION_FILE = "evaluation.png"
CONTACT_SHEET_FILE = "contact-sheet.jpg"
MODEL_CARD_FILE = "model-card.md"

_NUMBER = re.compile(r"[1-9][0-9]*")


class Resampling(StrEnum):
    """How a photo is made as small as the trunk takes it: `catdog_common.images` says what each does."""

    BICUBIC = "bicubic"
    HAMMING = "hamming"


class Head(msgspec.Struct, frozen=True, rename="camel"):
    """A softmax layer on the trunk's features: `softmax((features @ weights + bias) / temperature)`."""

    weights: tuple[tuple[float, ...], ...]  # [features][labels]
    bias: tuple[float, ...]  # [labels]
    temperature: float = 1.0


class Scale(msgspec.Struct, frozen=True, rename="camel"):
    """What is usual of a number: its mean and standard deviation on training photos."""

    mean: float
    deviation: float


class UnknownRule(msgspec.Struct, frozen=True, rename="camel"):
    """When a picture is answered `unknown`: `catdog_common.unknown` says how the score is computed."""

    threshold: float  # of the score; what is below is unknown
    log_odds: Scale  # of ImageNet's cats and dogs against its other classes
    distance: Scale  # from the training's pets
    mean: tuple[float, ...]  # [F] of their features at length one
    directions: tuple[tuple[float, ...], ...]  # [k][F], of length one: in which they vary most
    variances: tuple[float, ...]  # [k] along these
    other_variance: float  # along each direction that is left
    measured_on: int  # photos that gave the threshold
    of_training: int = 0  # how many of them were training photos, each scored by a rule that lacked it


class Calibration(msgspec.Struct, frozen=True, rename="camel"):
    """What the head's temperature changes, on validation photos.

    `after` is cross-validated: each photo is judged at a temperature fitted without it. Errors are expected
    calibration errors over 15 bins of equally many photos, losses mean log-losses in nats.
    """

    photos: int
    error_before: float  # at temperature 1
    error_after: float
    log_loss_before: float
    log_loss_after: float


class Metrics(msgspec.Struct, frozen=True, rename="camel"):
    """What the worker's predictor reached on the validation split; loss is the mean log-loss in nats.

    A photo that is answered `unknown` counts here by the label that is the more probable: `correct` compares
    versions, with and without `unknown`.
    """

    photos: int
    correct: int
    accuracy: float
    log_loss: float
    confusion: dict[str, dict[str, int]]  # true label → more probable label → photos
    unknown: int | None = None  # of the photos, answered `unknown`; None: the version never says so
    calibration: Calibration | None = None  # None: on fewer photos than it takes


class ChampionComparison(msgspec.Struct, frozen=True, rename="camel"):
    """This version and the one that served when its training began, on the same validation photos.

    Photos that the champion was trained on are not among them.
    """

    champion: int  # a version's number
    photos: int  # compared on so many
    correct: int  # of these, right by this version
    champion_correct: int  # of these, right by the champion


class PartitionOffsets(msgspec.Struct, frozen=True, rename="camel"):
    """Which records of a topic's partition were read: from `start`, and before `end`."""

    partition: int
    start: int
    end: int


class Provenance(msgspec.Struct, frozen=True, rename="camel"):
    """Where a version's photos came from: counts by split and label, and what was not used.

    Of each kind that was not used at most a hundred files are named.
    """

    source: str
    digest: str  # sha256:<hex> over (digest, label, split) of every photo, in the order of the digests
    photos: dict[str, dict[str, int]]  # split → label → photos
    unreadable: tuple[str, ...]  # names of files that are no images
    unreadable_photos: int
    near_copies: int = 0  # validation photos left out, as they were nearly equal to training photos
    near_copy_names: tuple[str, ...] = ()
    copies: int = 0  # files left out, as they were byte for byte another photo of the same label
    copy_names: tuple[str, ...] = ()
    contradictory: int = 0  # files left out, as the same bytes stood under both labels
    contradictory_names: tuple[str, ...] = ()
    offsets: tuple[PartitionOffsets, ...] = ()  # where the photos came from a topic


class TrainingSettings(msgspec.Struct, frozen=True, rename="camel"):
    """The settings of a training as resolved."""

    architecture: str
    image_size: int  # pixels, of the square that the trunk takes
    epochs: int
    batch_size: int
    learning_rate: float
    seed: int
    early_stopping_patience: int | None = None  # epochs without less validation log-loss; None: all are done
    fine_tune: bool = False  # the network's last blocks were trained too
    augment: bool = (
        False  # it learnt from further views of each training photo, or from photos changed at random
    )


class Int8Cost(msgspec.Struct, frozen=True, rename="camel"):
    """What int8 costs against float32: right answers of both on the same validation photos.

    By heads that were trained alike on the same training photos, each on the features of its own trunk.
    """

    training_photos: int  # that taught the heads
    photos: int  # asked about
    correct: int  # of these, right by int8
    float32_correct: int
    only_int8: int  # right by int8 alone
    only_float32: int
    p_value: float  # of McNemar's exact test, one-sided
    level: float  # below which int8 counts as worse, and float32 serves

    @property
    def is_too_much(self) -> bool:
        """Whether int8 gets significantly more photos wrong, so that float32 serves."""
        return self.p_value < self.level


class TrunkDescription(msgspec.Struct, frozen=True, rename="camel"):
    """The trunk that a head was trained for; its image size is among the settings."""

    digest: str  # sha256:<hex> of its file
    precision: Literal["int8", "float32"]
    features: int


class ModelMetadata(msgspec.Struct, frozen=True, rename="camel"):
    """`model.json`: the head, and everything that a reader of the version wants to know."""

    name: str
    version: int
    hash: str
    labels: tuple[str, ...]
    head: Head
    metrics: Metrics
    settings: TrainingSettings
    provenance: Provenance
    trained_at: str  # RFC 3339, UTC
    format: int = FORMAT
    resampling: Resampling = Resampling.BICUBIC  # of each photo, in training as in serving
    comparison: ChampionComparison | None = None
    unknown: UnknownRule | None = None  # None: the version never answers `unknown`
    trunk: TrunkDescription | None = None  # None, and so below: of a version from before they were told
    int8_cost: Int8Cost | None = None


class VersionDamagedError(Exception):
    """A version on the claim is not what its manifest says; the message names the file."""


def versions_dir(storage: Path, model: str) -> Path:
    """Return the directory that holds the versions of `model`."""
    return storage / model / "versions"


def version_dir(storage: Path, model: str, version: int) -> Path:
    """Return the directory of one version."""
    return versions_dir(storage, model) / str(version)


def list_versions(storage: Path, model: str) -> list[int]:
    """Return the numbers of the versions that are published, ascending."""
    directory = versions_dir(storage, model)
    if not directory.is_dir():
        return []
    return sorted(int(entry.name) for entry in directory.iterdir() if _NUMBER.fullmatch(entry.name))


def read_metadata(directory: Path) -> ModelMetadata:
    """Return what `model.json` of a version says.

    Raises:
        VersionDamagedError: it is not there, or not of this form.
    """
    try:
        return parse_metadata((directory / MODEL_FILE).read_bytes())
    except OSError as error:
        raise VersionDamagedError(f"{directory / MODEL_FILE}: {error}") from error


def parse_metadata(content: bytes) -> ModelMetadata:
    """Return what the content of a `model.json` says.

    Raises:
        VersionDamagedError: it is not of this form.
    """
    try:
        return parse_json(content, ModelMetadata)
    except msgspec.DecodeError as error:
        raise VersionDamagedError(f"{MODEL_FILE}: {error}") from error


def file_digest(path: Path) -> str:
    """Return `sha256:<hex>` of a file."""
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def write_manifest(directory: Path) -> str:
    """Write the digests of all files in `directory` beside them; return the manifest's own digest."""
    files = sorted(path.name for path in directory.iterdir() if path.name != MANIFEST_FILE)
    manifest = {"files": {name: file_digest(directory / name) for name in files}}
    (directory / MANIFEST_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=1))
    return file_digest(directory / MANIFEST_FILE)


def verify_manifest(directory: Path) -> str:
    """Check every file of a version against its manifest; return the manifest's own digest.

    Raises:
        VersionDamagedError: a file is missing or is not what was published.
    """
    try:
        content = (directory / MANIFEST_FILE).read_bytes()
        files = parse_json(content, dict[str, dict[str, str]])["files"]
        if missing := {TRUNK_FILE, MODEL_FILE}.difference(files):
            raise VersionDamagedError(f"{directory / MANIFEST_FILE} lacks {', '.join(sorted(missing))}")
        for name, digest in files.items():
            if file_digest(directory / name) != digest:
                raise VersionDamagedError(f"{directory / name} is not the file that was published")
    except (OSError, msgspec.DecodeError, KeyError) as error:
        raise VersionDamagedError(f"{directory}: {error}") from error
    return file_digest(directory / MANIFEST_FILE)
