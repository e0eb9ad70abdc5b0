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
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

from catdog_common.artifact import (
    LABELS,
    file_digest,
    list_versions,
    read_metadata,
    verify_manifest,
    version_dir,
)
from catdog_common.images import decode_image
from catdog_common.predictor import Predictor
from catdog_trainer.architectures import ARCHITECTURES
from catdog_trainer.feature_store import RESAMPLING
from catdog_trainer.trunk import convert_trunk, keep_trunk, pretrained_network

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
        cls.claim, first = _trained_first()
        cls.photos = cls.claim.with_name("data")
        _lay_out_photos_that_need_care(cls.photos)
        cls.results, cls.trunks, cls.features = [first], [], []
        cls._note()
        for training_hash, dataset in (("b" * 10, "sample"), ("c" * 10, "directory")):
            champion = {"CHAMPION_VERSION": "1"}
            cls.results.append(_train(cls.claim, cls.photos, training_hash, dataset, champion))
            cls._note()

    @classmethod
    def _note(cls) -> None:
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
        assert not (self.claim / "pets" / "features" / ("0" * 16)).exists()

    def test_a_version_says_how_photos_are_resized_for_it(self) -> None:
        """As those were that it learnt from."""
        resamplings = {read_metadata(version_dir(self.claim, "pets", each)).resampling for each in (1, 2, 3)}
        assert resamplings == {RESAMPLING}

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

    def test_features_that_are_not_those_of_the_photos_end_a_training_and_are_computed_again(self) -> None:
        """As if another trunk had come to them: whole files, with the features of one photo at another."""
        claim = self.claim.with_name("mixed-up")
        shutil.copytree(self.claim, claim)
        for path in list(claim.glob("pets/features/*/*.npy")):
            rows = np.load(path, allow_pickle=False)
            rows["features"] = rows["features"][::-1].copy()
            mixed_up = path.with_name("mixed-up.npy")
            np.save(mixed_up, rows, allow_pickle=False)
            mixed_up.rename(path.with_name(f"{file_digest(mixed_up).removeprefix('sha256:')}.npy"))
            path.unlink()
        failed = _run_trainer(claim, self.photos, "d" * 10, "sample", {}, stderr=subprocess.PIPE)
        assert failed.returncode == 1
        assert b"NotAsServedError: what is known of photos" in failed.stderr
        assert list_versions(claim, "pets") == [1, 2, 3]
        assert list(claim.glob("pets/features/*/*.npy")) == []
        assert _train(claim, self.photos, "d" * 10, "sample", {})["version"] == 4
        first, last = (read_metadata(version_dir(claim, "pets", number)) for number in (1, 4))
        assert (first.head, first.metrics.correct) == (last.head, last.metrics.correct)

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

    def test_int8_serves_where_it_costs_nothing_and_what_it_costs_is_told(self) -> None:
        """Measured beside float32 at each training, on photos that passed that once."""
        for version in (1, 2, 3):
            directory = version_dir(self.claim, "pets", version)
            metadata = read_metadata(directory)
            assert metadata.trunk is not None
            assert metadata.trunk.digest == file_digest(directory / "trunk.tflite")
            assert (metadata.trunk.precision, metadata.trunk.features) == ("int8", 1280)
            cost = metadata.int8_cost
            assert cost is not None
            assert (cost.training_photos, cost.photos) == ((120, 40), (120, 40), (118, 41))[version - 1]
            assert cost.float32_correct >= 36
            assert cost.correct - cost.only_int8 == cost.float32_correct - cost.only_float32
            assert "int8 serves, which is faster" in (directory / "model-card.md").read_text()
        kept = [np.load(path) for path in self.claim.glob("pets/features/compared/*/*.npy")]
        digests = [digest.tobytes() for array in kept for digest in array["digest"]]
        assert len(digests) == len(set(digests)) >= 160

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


class TrainingOnATrunkThatInt8MadeWorse(unittest.TestCase):
    """One of its features is so large that the steps of int8, which reach to that, lose all others."""

    claim: ClassVar[Path]

    @classmethod
    def setUpClass(cls) -> None:
        """Put the trunk on the claim, as if an earlier training had made it, and train twice."""
        cls.claim = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        _lay_trunks(cls.claim)
        (cls.claim / TRUNK).unlink()
        keep_trunk(cls.claim / TRUNK, _trunk_with_a_huge_feature())
        for training_hash in ("a" * 10, "b" * 10):
            _train(cls.claim, cls.claim, training_hash, "sample", {})

    def test_float32_serves_and_the_version_says_why(self) -> None:
        """Both times, and its features are those of the trunk that serves."""
        for version in (1, 2):
            directory = version_dir(self.claim, "pets", version)
            metadata = read_metadata(directory)
            assert metadata.int8_cost is not None
            assert metadata.int8_cost.is_too_much
            assert metadata.int8_cost.float32_correct >= 36 > metadata.int8_cost.correct
            assert metadata.trunk is not None
            assert metadata.trunk.precision == "float32"
            assert metadata.trunk.digest == file_digest(directory / "trunk.tflite")
            assert metadata.metrics.correct >= 36
            assert "less than 0.01: float32 serves" in (directory / "model-card.md").read_text()

    def test_what_serves_computes_in_float32_and_takes_bytes(self) -> None:
        """By the worker's predictor, the validation drawings are told apart."""
        directory = version_dir(self.claim, "pets", 1)
        predictor = Predictor.load(directory, threads=2, copies=2)
        files = [(label, path) for label in LABELS for path in (SAMPLE / "validation" / label).iterdir()]
        images = [predictor.decode(path.read_bytes()) for _, path in files]
        said = predictor.predict(images).argmax(axis=1)
        right = sum(LABELS[column] == label for column, (label, _) in zip(said, files, strict=True))
        assert right == read_metadata(directory).metrics.correct
        interpreter = Interpreter(model_path=str(directory / "trunk.tflite"))
        kernels = [one for one in interpreter.get_tensor_details() if len(one["shape"]) == 4]
        assert {one["dtype"].__name__ for one in kernels} <= {"uint8", "float32"}

    def test_training_again_passes_no_photo_through_either(self) -> None:
        """A file each: of the trunk in int8, of that in float32, and of what was compared."""
        assert len(list(self.claim.glob("pets/features/*/*.npy"))) == 2
        assert len(list(self.claim.glob("pets/features/compared/*/*.npy"))) == 1
        first, second = (read_metadata(version_dir(self.claim, "pets", number)) for number in (1, 2))
        assert (first.head, first.int8_cost) == (second.head, second.int8_cost)


def _trunk_with_a_huge_feature() -> bytes:
    import keras

    weights = Path(os.environ.get("CATDOG_WEIGHTS_DIR", "/opt/catdog/weights"))
    network = pretrained_network(ARCHITECTURES["efficientnet-lite0"], weights)
    features, classes = network.outputs
    huge = np.zeros(features.shape[-1], np.float32)
    huge[0] = 1e5
    worse = keras.Model(network.inputs, [features + huge, classes])
    files = sorted((SAMPLE / "training").rglob("*.jpg"))[::10]
    return convert_trunk(worse, [decode_image(path.read_bytes(), 224, RESAMPLING) for path in files])


class TrainingOnViews(unittest.TestCase):
    """One claim, trained on three times: plainly, and augmented anew and after an interruption."""

    def test_the_head_learns_from_three_times_the_rows_and_an_interrupted_pass_goes_on(self) -> None:
        """What is known of some views is used; of what is said of validation photos nothing changes."""
        claim = Path(self.enterContext(tempfile.TemporaryDirectory()))
        _lay_trunks(claim)
        rows: list[list[int]] = []
        for training_hash, augment in (("a" * 10, "false"), ("b" * 10, "true"), ("c" * 10, "true")):
            _train(claim, claim, training_hash, "sample", {"AUGMENT": augment})
            rows.append([_kept(claim, files) for files in ("*", "upper-left/*", "lower-right/*")])
            if augment == "true":  # as if it had been interrupted before what it saw of one view was written
                shutil.rmtree(next(claim.glob("pets/features/*/lower-right")))
        assert rows == [[160, 0, 0], [160, 120, 120], [160, 120, 120]], rows
        plain, first, second = (read_metadata(version_dir(claim, "pets", number)) for number in (1, 2, 3))
        assert first.head.weights == second.head.weights != plain.head.weights
        assert first.unknown == second.unknown == plain.unknown
        assert [each.settings.augment for each in (plain, first, second)] == [False, True, True]
        assert first.metrics.photos == plain.metrics.photos == 40
        assert first.metrics.accuracy >= 0.9


@cache
def _trained_first() -> tuple[Path, dict[str, Any]]:
    """Train on the sample, on a claim with some remains; return the claim and what was reported.

    Its trunk, which takes longer to make than all that is done with it, will do for the other claims.
    """
    scratch = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(scratch.cleanup)
    os.umask(0o002)  # as the trainer has it
    claim = Path(scratch.name) / "models"
    other_work = claim / "pets" / "work" / ("f" * 10)  # of settings that were edited
    other_work.mkdir(parents=True)
    (other_work / "offsets.json").write_bytes(b"[]")
    trunks_gone = claim / "pets" / "features" / ("0" * 16)
    trunks_gone.mkdir(parents=True)
    (trunks_gone / "some.npy").write_bytes(b"features")
    return claim, _train(claim, claim, "a" * 10, "sample", {})


def _lay_trunks(claim: Path) -> None:
    """Lay on a claim the trunks, in int8 and in float32, that were made first."""
    first, _ = _trained_first()
    shutil.copytree((first / TRUNK).parents[1], (claim / TRUNK).parents[1])


def _kept(claim: Path, files: str) -> int:
    """Return of how many photos features are kept in such files."""
    paths = claim.glob(f"pets/features/*/{files}.npy")
    return sum(len(np.load(path, allow_pickle=False)) for path in paths)


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
    _run_trainer(claim, photos, training_hash, dataset, others).check_returncode()
    result: dict[str, Any] = json.loads(_termination_log(claim).read_bytes())
    return result


def _run_trainer(
    claim: Path,
    photos: Path,
    training_hash: str,
    dataset: str,
    others: dict[str, str],
    stderr: int | None = None,
) -> subprocess.CompletedProcess[bytes]:
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
        "TERMINATION_LOG": str(_termination_log(claim)),
        **others,
    }
    environment = os.environ | {f"CATDOG_{name}": value for name, value in settings.items()}
    command = [sys.executable, "-m", "catdog_trainer"]
    return subprocess.run(command, env=environment, stderr=stderr, check=False)


def _termination_log(claim: Path) -> Path:
    return claim / "termination-log"
