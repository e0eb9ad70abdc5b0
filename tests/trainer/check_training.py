"""Checks of a whole training, for the trainer's image: TensorFlow is there, pytest is not.

    python3 -m unittest -v tests.trainer.check_training

with this repository's root in PYTHONPATH behind the image's own, and a writable TMPDIR. It takes some
40 seconds on two processors. Not named test_*, so that pytest, where there is no TensorFlow, leaves it be.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

from catdog_common.artifact import (
    LABELS,
    Head,
    TrainingSettings,
    list_versions,
    read_metadata,
    verify_manifest,
    version_dir,
)
from catdog_common.predictor import head_probabilities
from catdog_trainer.data import Photo
from catdog_trainer.features import Features
from catdog_trainer.train import train_head

SAMPLE = Path(os.environ.get("CATDOG_SAMPLE_DIR", "/opt/catdog/sample"))
TRUNK = Path("pets/trunks/efficientnet-lite0-224/trunk.tflite")


class TrainingOnTheSample(unittest.TestCase):
    """One claim, trained on three times: anew, with another hash, and with photos that need care.

    The first version is the champion of the others.
    """

    claim: ClassVar[Path]
    photos: ClassVar[Path]
    results: ClassVar[list[dict[str, Any]]]
    trunks: ClassVar[list[tuple[int, bytes]]]
    features: ClassVar[list[set[str]]]

    @classmethod
    def setUpClass(cls) -> None:
        """Run the trainings."""
        scratch = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.claim, cls.photos = scratch / "models", scratch / "data"
        cls.claim.mkdir()
        _lay_out_photos_that_need_care(cls.photos)
        cls.results, cls.trunks, cls.features = [], [], []
        for training_hash, dataset in (("a" * 10, "sample"), ("b" * 10, "sample"), ("c" * 10, "directory")):
            champion = {"CHAMPION_VERSION": "1"} if cls.results else {}
            cls.results.append(_train(cls.claim, cls.photos, training_hash, dataset, champion))
            trunk = cls.claim / TRUNK
            cls.trunks.append((trunk.stat().st_mtime_ns, trunk.read_bytes()))
            cls.features.append({path.name for path in cls.claim.glob("pets/features/*/*.npy")})

    def test_drawings_are_told_apart(self) -> None:
        """The sample is easy: 36 of its 40 validation drawings at the least."""
        assert self.results[0]["photos"] == 40
        assert self.results[0]["accuracy"] >= 0.9

    def test_drawings_of_pets_are_pets_to_it(self) -> None:
        """Though ImageNet knows no emoji: four of the 40 validation drawings may be unknown at the most."""
        metadata = read_metadata(version_dir(self.claim, "pets", 1))
        assert metadata.metrics.unknown is not None
        assert metadata.metrics.unknown <= 4
        assert metadata.unknown is not None
        assert (metadata.unknown.measured_on, metadata.unknown.of_training) == (160, 120)
        assert (version_dir(self.claim, "pets", 1) / "model.json").stat().st_size < 2_000_000

    def test_each_training_published_a_whole_version(self) -> None:
        """Numbers follow one another, manifests hold, and no work is left."""
        assert list_versions(self.claim, "pets") == [1, 2, 3]
        for version, result in enumerate(self.results, start=1):
            digest = verify_manifest(version_dir(self.claim, "pets", version))
            assert (result["version"], result["digest"]) == (version, digest)
        assert list((self.claim / "pets" / "work").iterdir()) == []

    def test_the_same_photos_and_seed_give_the_same_head(self) -> None:
        """To the last bit, on one machine."""
        first, second = (read_metadata(version_dir(self.claim, "pets", number)) for number in (1, 2))
        assert first.head == second.head
        assert first.unknown == second.unknown

    def test_the_trunk_is_made_once_and_served_as_it_is(self) -> None:
        """Every version has the very bytes that were calibrated first."""
        assert len({mtime for mtime, _ in self.trunks}) == 1
        for version in (1, 2, 3):
            served = version_dir(self.claim, "pets", version) / "trunk.tflite"
            assert served.read_bytes() == self.trunks[0][1]

    def test_no_photo_passes_the_trunk_twice(self) -> None:
        """The second training had the same photos, the third some more."""
        first, second, third = self.features
        assert len(first) == 1
        assert second == first
        assert first < third
        [new] = third - first
        [path] = self.claim.glob(f"pets/features/*/{new}")
        assert 0 < len(np.load(path, allow_pickle=False)) < 10

    def test_the_trunk_takes_bytes_as_they_are_and_works_in_int8(self) -> None:
        """A byte means itself, and each convolution's weights are int8."""
        interpreter = Interpreter(model_path=str(self.claim / TRUNK))
        interpreter.allocate_tensors()
        (entry,) = interpreter.get_input_details()
        assert (entry["dtype"].__name__, entry["quantization"]) == ("uint8", (1.0, 0))
        kernels = [one for one in interpreter.get_tensor_details() if len(one["shape"]) == 4]
        assert {one["dtype"].__name__ for one in kernels} <= {"uint8", "int8"}
        widths = sorted(int(one["shape"][-1]) for one in interpreter.get_output_details())
        assert widths == [1000, 1280]

    def test_a_file_that_is_no_image_is_counted_and_named(self) -> None:
        """And the training goes on without it."""
        assert self.results[2]["unreadablePhotos"] == 1
        provenance = read_metadata(version_dir(self.claim, "pets", 3)).provenance
        assert provenance.unreadable == ("training/cat/broken.jpg",)

    def test_a_version_is_compared_with_the_one_that_serves(self) -> None:
        """The same photos and seed gave the second what the first has; the first had no champion."""
        assert "comparison" not in self.results[0]
        correct = read_metadata(version_dir(self.claim, "pets", 1)).metrics.correct
        assert self.results[1]["comparison"] == [1, 40, correct, correct]
        assert self.results[1]["versions"][0]["comparison"] == [1, 40, correct, correct]

    def test_a_photo_that_the_champion_learnt_from_is_measured_and_not_compared_on(self) -> None:
        """It is the forty-first of the third training."""
        assert self.results[2]["photos"] == 41
        assert self.results[2]["comparison"][:2] == [1, 40]

    def test_a_validation_photo_that_is_nearly_a_training_photo_is_left_out(self) -> None:
        """The file differs, and the picture hardly; the sample has none such."""
        near = [read_metadata(version_dir(self.claim, "pets", n)).provenance.near_copies for n in (1, 2, 3)]
        assert near == [0, 0, 1]

    def test_a_version_has_pictures_of_its_figures_and_a_card_that_says_them(self) -> None:
        """The third learnt from fewer cats; the manifest, which holds, names what is there."""
        for version in (1, 2, 3):
            directory = version_dir(self.claim, "pets", version)
            manifest = json.loads((directory / "manifest.json").read_bytes())["files"]
            assert {"training.png", "evaluation.png", "model-card.md"} < set(manifest)
            metrics = read_metadata(directory).metrics
            assert ("contact-sheet.jpg" in manifest) == (metrics.correct < metrics.photos)
            card = (directory / "model-card.md").read_text()
            assert f"# pets, version {version}\n" in card
            assert f"({metrics.correct} of {metrics.photos})" in card
            assert (
                sum((directory / name).stat().st_size for name in manifest if name[-4:] != "lite") < 1_000_000
            )

    def test_files_that_are_not_used_are_named(self) -> None:
        """A copy, and a photo under both labels: the third training had them."""
        provenance = read_metadata(version_dir(self.claim, "pets", 3)).provenance
        assert provenance.copy_names == ("training/cat/copy.jpg",)
        assert provenance.contradictory_names == ("training/cat/both.jpg", "training/dog/both.jpg")

    def test_versions_are_removed_when_the_operator_says_so(self) -> None:
        """Not one of the training's own hash, though; and all else is reported."""
        claim = self.claim.with_name("pruned")
        shutil.copytree(self.claim, claim)
        result = _train(claim, self.photos, "b" * 10, "sample", {"PRUNE_VERSIONS": "1,2"})
        assert (result["version"], result["alreadyPresent"]) == (2, True)
        assert [each["version"] for each in result["versions"]] == [3, 2]
        assert list_versions(claim, "pets") == [2, 3]

    def test_others_of_the_group_may_write_what_was_written(self) -> None:
        """On OpenShift each namespace has a UID of its own; the group is what pods have in common."""
        for path in (self.claim / "pets").rglob("*"):
            assert path.stat().st_mode & 16, path


class TrainingOnUnequalLabels(unittest.TestCase):
    """Nine cats to a dog, of one feature each, which overlaps: halfway between, both are as likely by it."""

    def test_the_rarer_label_is_not_learnt_at_the_cost_of_the_other(self) -> None:
        """Unweighted a photo in the middle would be called a cat with 90 %."""
        chance = np.random.default_rng(1)
        labels = np.repeat(["cat", "dog"], (1800, 200))
        features = chance.normal(np.where(labels == "cat", -1.0, 1.0), 1.0).astype(np.float32)[:, np.newaxis]
        photos = tuple(Photo(f"{n}", label, "training", "", bytes) for n, label in enumerate(labels.tolist()))
        training = Features(photos, features, np.zeros((len(photos), 4), np.uint64))
        settings = TrainingSettings("efficientnet-lite0", 224, 40, 200, 0.05, 42)
        head = train_head(training, training, settings, lambda _: None)
        weights, bias = np.array(head.weights, np.float32), np.array(head.bias, np.float32)
        [(cat, _)] = head_probabilities(np.zeros((1, 1), np.float32), weights, bias, 1.0)
        assert 0.4 < cat < 0.6, cat


class TrainingThatStopsEarly(unittest.TestCase):
    """Forty photos of noise, which can be learnt by heart and tell nothing of forty others."""

    def _train(self, patience: int | None) -> tuple[Head, list[float]]:
        """Return the head, and the validation log-loss after each epoch."""
        settings = TrainingSettings("efficientnet-lite0", 224, 60, 8, 0.01, 42, patience)
        losses: list[float] = []
        head = train_head(_noise(1), _noise(2), settings, lambda epoch: losses.append(epoch.val_loss))
        return head, losses

    def test_it_ends_when_validation_gets_no_better_with_the_head_that_was_best(self) -> None:
        """The loss of the head that comes out is the least of all epochs."""
        head, losses = self._train(patience=3)
        assert len(losses) == losses.index(min(losses)) + 1 + 3 < 60
        assert abs(_log_loss(head, _noise(2)) - min(losses)) < 1e-4

    def test_without_patience_all_epochs_are_done_and_the_last_counts(self) -> None:
        """Which is worse here."""
        head, losses = self._train(patience=None)
        assert len(losses) == 60
        assert abs(_log_loss(head, _noise(2)) - losses[-1]) < 1e-4
        assert losses[-1] > min(losses)


def _noise(seed: int) -> Features:
    matrix = np.random.default_rng(seed).normal(size=(40, 30)).astype(np.float32)
    photos = tuple(Photo(f"{n}", LABELS[n % 2], "training", "", bytes) for n in range(40))
    return Features(photos, matrix, np.zeros((40, 4), np.uint64))


def _log_loss(head: Head, features: Features) -> float:
    weights, bias = np.array(head.weights, np.float32), np.array(head.bias, np.float32)
    probabilities = head_probabilities(features.matrix, weights, bias, 1.0)
    columns = [LABELS.index(photo.label) for photo in features.photos]
    return float(-np.log(probabilities[np.arange(len(columns)), columns]).mean())


def _lay_out_photos_that_need_care(directory: Path) -> None:
    """Copy the sample, with photos that are on the other side, (nearly) copies, mislabelled or no images."""
    shutil.copytree(SAMPLE, directory)
    training, validation = directory / "training" / "cat", directory / "validation" / "cat"
    (training / "broken.jpg").write_bytes(b"no image")
    learnt, copied, mislabelled, *_ = sorted(training.glob("cat-*.jpg"))
    shutil.copy(copied, training / "copy.jpg")
    mislabelled.rename(training / "both.jpg")
    shutil.copy(training / "both.jpg", directory / "training" / "dog" / "both.jpg")
    learnt.rename(validation / "learnt-by-the-champion.jpg")
    with Image.open(copied) as image:
        image.save(validation / "nearly-a-copy.jpg", quality=40)


def _train(
    claim: Path, photos: Path, training_hash: str, dataset: str, others: dict[str, str]
) -> dict[str, Any]:
    """Run the trainer as a pod does, and return its termination message.

    `others` says what the operator wants done about other versions.
    """
    termination_log = claim / "termination-log"
    settings = {
        "MODEL_NAME": "pets",
        "TRAINING_HASH": training_hash,
        "STORAGE_DIR": str(claim),
        "DATASET": dataset,
        "DATASET_DIR": str(photos),
        "DATASET_ROOT": str(photos),
        "ARCHITECTURE": "efficientnet-lite0",
        "EPOCHS": "20",
        "BATCH_SIZE": "32",
        "LEARNING_RATE": "0.001",
        "SEED": "42",
        "TERMINATION_LOG": str(termination_log),
        **others,
    }
    environment = os.environ | {f"CATDOG_{name}": value for name, value in settings.items()}
    subprocess.run([sys.executable, "-m", "catdog_trainer"], env=environment, check=True)
    result: dict[str, Any] = json.loads(termination_log.read_bytes())
    return result
