"""Checks of networks that are trained themselves, where TensorFlow is and pytest is not: the trainer's image.

See `check_training`, which trains heads alone. Whole trainings are left to the soak (CATDOG_SOAK in the
environment): `tests/e2e/test_networks.py` has one of each sort for `make test`.
"""

import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import ClassVar

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from numpy.typing import NDArray
from PIL import Image

from catdog_common.artifact import (
    LABELS,
    Head,
    TrainingSettings,
    file_digest,
    read_metadata,
    verify_manifest,
    version_dir,
)
from catdog_common.predictor import Predictor
from catdog_trainer.architectures import ARCHITECTURES, Architecture
from catdog_trainer.architectures.weights import load_weights
from catdog_trainer.augment import augment
from catdog_trainer.data import SPLITS, DataError, Dataset, Photo, Split
from catdog_trainer.feature_store import folder_of
from catdog_trainer.photo_stream import PhotoStream
from catdog_trainer.train import Epoch
from catdog_trainer.train_network import TUNING_EPOCHS, fine_tune, train_from_scratch, with_head

SAMPLE = Path(os.environ.get("CATDOG_SAMPLE_DIR", "/opt/catdog/sample"))
WEIGHTS = Path(os.environ.get("CATDOG_WEIGHTS_DIR", "/opt/catdog/weights"))
SIZE = 32  # pixels, of what the tiny network takes
SOAK = unittest.skipUnless(os.environ.get("CATDOG_SOAK"), "left to the soak")
CNN = {"ARCHITECTURE": "cnn", "BATCH_SIZE": "8", "LEARNING_RATE": "0.0001"}


@SOAK
class TheLabsNetwork(unittest.TestCase):
    """`cnn`, on a few drawings: whether it learns anything takes hours."""

    scratch: ClassVar[Path]

    @classmethod
    def setUpClass(cls) -> None:
        """Train a version without, and one with, a kill in between."""
        cls.scratch = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        _lay_out_drawings(cls.scratch / "data")
        _train(cls.scratch, "whole", CNN)
        _train(cls.scratch, "killed", CNN, kill_after='"epoch": 1')
        cls.between = {path.name for path in (cls.scratch / "killed").glob("pets/work/*/network/*/*")}
        shutil.copytree(cls.scratch / "killed", cls.scratch / "others")
        cls.log = _train(cls.scratch, "killed", CNN)
        next((cls.scratch / "data" / "training" / "cat").iterdir()).unlink()
        cls.log_of_others = _train(cls.scratch, "others", CNN)

    between: ClassVar[set[str]]
    log: ClassVar[str]
    log_of_others: ClassVar[str]

    def test_a_training_that_was_killed_goes_on_with_the_next_epoch_to_the_same_end(self) -> None:
        """To the last bit, on one machine."""
        assert self.between == {"epoch-1.weights.h5", "history.json"}
        assert '"epochs_done": 1' in self.log
        whole, killed = (version_dir(self.scratch / name, "pets", 1) for name in ("whole", "killed"))
        assert read_metadata(whole).head == read_metadata(killed).head
        for name in ("trunk.tflite", "history.csv"):
            assert (whole / name).read_bytes() == (killed / name).read_bytes(), name
        assert len((killed / "history.csv").read_text().splitlines()) == 3

    def test_epochs_that_were_learnt_from_other_photos_are_not_gone_on_with(self) -> None:
        """One was taken away after the kill."""
        assert "epochs_done" not in self.log_of_others
        directory = version_dir(self.scratch / "others", "pets", 1)
        assert read_metadata(directory).provenance.photos["training"] == {"cat": 11, "dog": 12}
        assert len((directory / "history.csv").read_text().splitlines()) == 3

    def test_it_says_that_it_changed_the_photos(self) -> None:
        """Though nothing asked for that."""
        directory = version_dir(self.scratch / "whole", "pets", 1)
        assert read_metadata(directory).settings.augment
        assert "sheared, zoomed and mirrored at random" in (directory / "model-card.md").read_text()

    def test_it_serves_as_any_other_and_never_says_unknown(self) -> None:
        """The worker's predictor loads it; what it learnt in two epochs is of no matter."""
        directory = version_dir(self.scratch / "killed", "pets", 1)
        verify_manifest(directory)
        predictor = Predictor.load(directory, threads=1)
        assert (predictor.image_size, predictor.trunk.width, predictor.trunk.gives_classes) == (
            200,
            256,
            False,
        )
        noise = np.random.default_rng(1).integers(0, 256, (200, 200, 3), np.uint8)
        answers = predictor.answer([noise])
        assert set(answers.labels) < set(LABELS)
        assert abs(answers.probabilities.sum() - 1) < 1e-6
        assert "It never answers `unknown`" in (directory / "model-card.md").read_text()

    def test_nothing_but_versions_is_left(self) -> None:
        """Its features are of a trunk that no other training has."""
        assert list((self.scratch / "killed" / "pets" / "work").iterdir()) == []
        assert not (self.scratch / "killed" / "pets" / "features").exists()


class LayersOfNetworks(unittest.TestCase):
    """What networks are made of, and what of them is trained."""

    def test_the_labs_is_of_its_size_but_for_its_end(self) -> None:
        """The lab's sigmoid had a weight for each feature, and a bias; a softmax of two has twice as many."""
        architecture = ARCHITECTURES["cnn"]
        trunk = architecture.build(architecture.image_size)
        assert trunk.count_params() + 257 == 10_675_745
        assert with_head(trunk).count_params() == 10_675_745 + 257

    def test_tuning_changes_the_last_blocks_alone_and_no_normalisation(self) -> None:
        """On pictures that are far too small, which is of no matter here."""
        architecture = ARCHITECTURES["efficientnet-lite0"]
        network = architecture.build(SIZE)
        load_weights(network, WEIGHTS, architecture)
        before = {layer.name: layer.get_weights() for layer in network.layers}
        head = Head(weights=((0.0, 0.0),) * 1280, bias=(0.0, 0.0))
        settings = TrainingSettings("efficientnet-lite0", SIZE, 20, 32, 0.001, 42)
        with tempfile.TemporaryDirectory() as work:
            fine_tune(
                network,
                head,
                str(architecture.tuned_from),
                _blotches(),
                settings,
                Path(work),
                2,
                lambda _: None,
            )
        changed = {
            layer.name
            for layer in network.layers
            for old, new in zip(before[layer.name], layer.get_weights(), strict=True)
            if not np.array_equal(old, new)
        }
        assert {"conv_head", "block15_project_conv", str(architecture.tuned_from)} <= changed
        assert {name.partition("_")[0] for name in changed} == {
            "conv",
            *(f"block{number}" for number in range(11, 16)),
        }
        assert not {name for name in changed if "bn" in name or name == "conv_stem"}


class NetworkThatIsInterrupted(unittest.TestCase):
    """A tiny network on blotches of two colours, under noise."""

    def setUp(self) -> None:
        """Have a place on the claim."""
        self.work = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def _train(
        self,
        name: str,
        patience: int | None = None,
        stop_after: int = 0,
        seed: int = 1,
        epochs: int = 6,
        dataset: Dataset | None = None,
    ) -> str:
        """Return a digest of the weights, and note the epochs that were told of in `self.told`."""
        self.told: list[Epoch] = []

        def on_epoch(epoch: Epoch) -> None:
            self.told.append(epoch)
            if len(self.told) == stop_after:
                raise InterruptedError

        settings = TrainingSettings("tiny", SIZE, epochs, 8, 0.01, seed, patience)
        network, head = train_from_scratch(
            Architecture("tiny", SIZE, _tiny), dataset or _blotches(), settings, self.work / name, 2, on_epoch
        )
        digest = hashlib.sha256(repr(head).encode())
        for weights in network.get_weights():
            digest.update(weights.tobytes())
        return digest.hexdigest()

    def _stop(self, name: str, stop_after: int, patience: int | None = None) -> None:
        """Interrupt a training after so many epochs."""
        with self.assertRaises(InterruptedError):  # noqa: PT027 - there is no pytest in the image
            self._train(name, patience, stop_after)

    def test_it_ends_as_if_it_had_not_been(self) -> None:
        """Dropout, order and changes of the photos are an epoch's, not the process's."""
        whole, told = self._train("whole"), self.told
        assert len({epoch.val_loss for epoch in told}) == 6
        assert self._train("another seed", seed=2) != whole
        for stop_after in (1, 4):
            self._stop(f"stopped {stop_after}", stop_after=stop_after)
            assert self._train(f"stopped {stop_after}") == whole
            assert self.told == told

    def test_once_it_is_done_it_is_not_trained_again(self) -> None:
        """Where the pod went while the trunk was converted."""
        first = self._train("done")
        kept = self.work / "done" / "epoch-6.weights.h5"
        written = kept.stat().st_mtime_ns
        assert self._train("done") == first
        assert [epoch.epoch for epoch in self.told] == [1, 2, 3, 4, 5, 6]
        assert kept.stat().st_mtime_ns == written

    def test_with_patience_the_best_epoch_counts_before_and_after_an_interruption(self) -> None:
        """The loss by which it stops may have been least before."""
        whole, told = self._train("whole", patience=1), self.told
        losses = [epoch.val_loss for epoch in told]
        best = losses.index(min(losses)) + 1
        assert len(losses) == best + 1 < 6, losses
        assert {path.name for path in (self.work / "whole").glob("*.h5")} == {
            f"epoch-{best}.weights.h5",
            f"epoch-{best + 1}.weights.h5",
        }
        self._stop("stopped", patience=1, stop_after=len(losses))
        assert self._train("stopped", patience=1) == whole
        assert self.told == told
        assert self._train("until the best", epochs=best) == whole

    def test_an_epoch_that_was_not_written_whole_is_trained_again(self) -> None:
        """Its history is written first."""
        whole = self._train("whole")
        self._stop("cut", stop_after=2)
        shutil.copytree(self.work / "cut", self.work / "cut off")
        history = self.work / "cut off" / "history.json"
        epochs = json.loads(history.read_bytes())
        history.write_text(json.dumps([*epochs, epochs[-1] | {"epoch": 3}]))
        assert self._train("cut off") == whole

    def test_what_is_damaged_is_gone_at_the_next_attempt(self) -> None:
        """Else no attempt would come past it."""
        whole = self._train("whole")
        for damaged in (b"no HDF5", self._weights_of_another_network()):
            self._stop("damaged", stop_after=2)
            (self.work / "damaged" / "epoch-2.weights.h5").write_bytes(damaged)
            with self.assertRaises((OSError, ValueError)):  # noqa: PT027 - as above
                self._train("damaged")
            assert self._train("damaged") == whole
            shutil.rmtree(self.work / "damaged")

    def test_why_a_photo_is_not_read_is_told_and_not_how_tensorflow_failed(self) -> None:
        """What heals by itself is then tried again as such, and goes on."""
        whole = self._train("whole")
        for error in (DataError("EndpointUnreachable", "nobody answers"), OSError("it is gone")):
            with self.assertRaises(type(error)) as raised:  # noqa: PT027 - as above
                self._train("cut off", dataset=_failing(_blotches(), after=140, error=error))
            told = str(raised.exception)
            assert told == ("nobody answers" if isinstance(error, DataError) else " can no longer be read")
            assert [epoch.epoch for epoch in self.told] == [1, 2]
            assert self._train("cut off") == whole
            shutil.rmtree(self.work / "cut off")

    def _weights_of_another_network(self) -> bytes:
        network = keras.Sequential([layers.Input((3,)), layers.Dense(2)])
        network.compile("rmsprop")
        network.save_weights(self.work / "other.weights.h5")
        return (self.work / "other.weights.h5").read_bytes()


@SOAK
class FineTunedNetwork(unittest.TestCase):
    """EfficientNet-Lite0, tuned on a few drawings: its pod is killed after the first epoch of that."""

    scratch: ClassVar[Path]
    log: ClassVar[str]

    @classmethod
    def setUpClass(cls) -> None:
        """Train one version by its head alone, and another with tuning."""
        cls.scratch = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        _lay_out_drawings(cls.scratch / "data")
        lite0 = {"ARCHITECTURE": "efficientnet-lite0", "LEARNING_RATE": "0.001"}
        _train(cls.scratch, "tuned", lite0)
        tuned = lite0 | {"TRAINING_HASH": "b" * 10, "FINE_TUNE": "true"}
        _train(cls.scratch, "tuned", tuned, kill_after=f'"epoch": 1, "epochs": {TUNING_EPOCHS}')
        cls.log = _train(cls.scratch, "tuned", tuned)

    def test_it_goes_on_with_the_next_epoch(self) -> None:
        """And the photos do not pass the common trunk again."""
        assert '"epochs_done": 1' in self.log
        assert '{"photos": 32, "event": "features found"' in self.log

    def test_it_has_a_trunk_of_its_own_and_what_is_common_stays_as_it_was(self) -> None:
        """Both tell cats from dogs on drawings that neither saw."""
        plain, tuned = (version_dir(self.scratch / "tuned", "pets", number) for number in (1, 2))
        [common] = (self.scratch / "tuned" / "pets" / "trunks").glob("*/trunk.tflite")
        assert common.read_bytes() == (plain / "trunk.tflite").read_bytes()
        assert common.read_bytes() != (tuned / "trunk.tflite").read_bytes()
        kept = self.scratch / "tuned" / "pets" / "features"
        assert [each for each in kept.iterdir() if each.name != "compared"] == [
            kept / folder_of(file_digest(common))
        ]
        assert list((self.scratch / "tuned" / "pets" / "work").iterdir()) == []
        for directory, is_tuned in ((plain, False), (tuned, True)):
            verify_manifest(directory)
            metadata = read_metadata(directory)
            assert metadata.settings.fine_tune == is_tuned
            assert metadata.metrics.correct >= 7, metadata.metrics
            assert metadata.unknown is not None
        assert "fine-tuned" in (tuned / "model-card.md").read_text()


class StreamOfPhotos(unittest.TestCase):
    """What an epoch sees."""

    def _epochs(self, first: int, epochs: int) -> list[list[NDArray[np.float32]]]:
        stream = PhotoStream(_blotches().of("training"), SIZE, 8, 2)
        batches = [images.numpy() for images, _ in stream.shuffled(1, first, epochs)]
        return [batches[n : n + stream.batches] for n in range(0, len(batches), stream.batches)]

    def test_each_epoch_is_its_own_and_the_same_wherever_one_begins(self) -> None:
        """Forty photos are five batches of eight."""
        first, second, third = self._epochs(0, 3)
        assert [len(batch) for batch in first] == [8] * 5
        assert not np.array_equal(first, second)
        [again] = self._epochs(2, 3)
        assert np.array_equal(third, again)

    def test_all_photos_come_once_with_their_labels(self) -> None:
        """In order as they are; shuffled their mean colours tell them."""
        photos = _blotches().of("training")
        stream = PhotoStream(photos, SIZE, 8, 2)
        plain = [(image, label) for batch in stream.in_order() for image, label in zip(*batch, strict=True)]
        assert [LABELS[int(label)] for _, label in plain] == [photo.label for photo in photos]
        labels = [LABELS[int(label)] for _, batch in stream.shuffled(1, 0, 1) for label in batch]
        assert sorted(labels) == sorted(photo.label for photo in photos)
        assert labels != [photo.label for photo in photos]
        for images, batch in stream.shuffled(1, 0, 1):
            reds = images.numpy().mean(axis=(1, 2))
            assert [LABELS[int(label)] for label in batch] == [
                "cat" if red > blue else "dog" for red, _, blue in reds
            ]

    def test_pictures_are_changed_a_little_and_about_half_of_them_mirrored(self) -> None:
        """A ramp from left to right says how: it stays one, and its ends are cut or drawn out by a tenth."""
        ramp = np.tile(np.linspace(0, 255, SIZE, dtype=np.float32), (200, SIZE, 1))[..., np.newaxis]
        changed = augment(tf.repeat(ramp, 3, axis=-1), (1, 2)).numpy()
        assert np.array_equal(changed, augment(tf.repeat(ramp, 3, axis=-1), (1, 2)).numpy())
        middle = changed[:, SIZE // 2, :, 0]
        rises = middle[:, -4] > middle[:, 3]
        assert 70 < rises.sum() < 130
        steps = np.abs(middle[:, 20] - middle[:, 10]) / (10 * 255 / (SIZE - 1))
        assert 0.88 < steps.min() < 0.92 < 1.08 < steps.max() < 1.12
        sheared = changed[:, 4, SIZE // 2, 0] - changed[:, -5, SIZE // 2, 0]
        assert np.abs(sheared).max() / (255 / (SIZE - 1)) > 2


def _tiny(size: int) -> keras.Model:
    image = layers.Input((size, size, 3))
    x = layers.Rescaling(1 / 255)(image)
    x = layers.Flatten()(layers.Conv2D(4, 3, strides=4, activation="relu")(x))
    x = layers.Dense(16, activation="relu")(x)
    return keras.Model(image, (layers.Dropout(0.5)(x),))


def _blotches() -> Dataset:
    """Return forty photos to train on and ten to validate: reddish cats, bluish dogs, hardly to be told."""
    chance = np.random.default_rng(1)
    photos = []
    for number in range(50):
        label = LABELS[number % 2]
        noise = chance.normal(120, 60, (SIZE, SIZE, 3))
        noise[..., 0 if label == "cat" else 2] += 12
        noise = noise.clip(0, 255)
        content = io.BytesIO()
        Image.fromarray(noise.astype(np.uint8)).save(content, "PNG")
        split: Split = "training" if number < 40 else "validation"
        photos.append(Photo(f"{number:064}", label, split, "", partial(bytes, content.getvalue())))
    return Dataset("blotches", (), tuple(photos))


def _failing(dataset: Dataset, after: int, error: Exception) -> Dataset:
    """Return the dataset, of which no photo can be read any more after so many were."""
    left = iter(range(after))

    def read(photo: Photo) -> bytes:
        if next(left, None) is None:
            raise error
        return photo.read()

    return replace(
        dataset, photos=tuple(replace(photo, read=partial(read, photo)) for photo in dataset.photos)
    )


def _lay_out_drawings(directory: Path) -> None:
    """Copy 12 of each label to train on, and 4 to validate."""
    for split, count in zip(SPLITS, (12, 4), strict=True):
        for label in LABELS:
            (folder := directory / split / label).mkdir(parents=True)
            for drawing in sorted((SAMPLE / split / label).iterdir())[:count]:
                shutil.copy(drawing, folder)


def _train(scratch: Path, claim: str, chosen: dict[str, str], kill_after: str = "") -> str:
    """Run the trainer as a pod does, perhaps to a sudden end once it logs a text, and return its log."""
    (storage := scratch / claim).mkdir(exist_ok=True)
    settings = {
        "MODEL_NAME": "pets",
        "TRAINING_HASH": "a" * 10,
        "STORAGE_DIR": str(storage),
        "DATASET": "directory",
        "DATASET_DIR": str(scratch / "data"),
        "DATASET_ROOT": str(scratch / "data"),
        "EPOCHS": "2",
        "BATCH_SIZE": "32",
        "SEED": "42",
        "TERMINATION_LOG": str(storage / "termination-log"),
        **chosen,
    }
    environment = os.environ | {f"CATDOG_{name}": value for name, value in settings.items()}
    command = [sys.executable, "-m", "catdog_trainer"]
    log = []
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as trainer:
        assert trainer.stdout is not None
        for line in trainer.stdout:
            log.append(line)
            if kill_after and kill_after in line:
                trainer.kill()
    assert trainer.returncode == (-signal.SIGKILL if kill_after else 0), log[-1]
    return "".join(log)
