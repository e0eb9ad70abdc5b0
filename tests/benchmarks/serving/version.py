"""A version of a model for the benchmark, made by the trainer as it is, and kept in the cache."""

import tempfile
from pathlib import Path

from catdog_common.artifact import version_dir
from tests.benchmarks.serving.pictures import write_training_photos
from tests.benchmarks.trainer import LOCKS, MODEL, SOURCES, Trainer
from tests.cluster.cache import Cache, digest_of

_PHOTOS_PER_LABEL = 120


def trained(cache: Cache, architecture: str) -> Path:
    """Return a storage with version 1 of a model, trained on a few photos."""

    def make(storage: Path) -> None:
        with tempfile.TemporaryDirectory() as photos:
            write_training_photos(Path(photos), _PHOTOS_PER_LABEL)
            Trainer(cache, storage).train(Path(photos), architecture)

    key = digest_of([*LOCKS, *SOURCES], architecture)
    storage = cache.keep(f"benchmark-{architecture}", key, f"training {architecture} for the benchmark", make)
    if not version_dir(storage, MODEL, 1).is_dir():
        raise FileNotFoundError(f"{storage} has no version 1")
    return storage
