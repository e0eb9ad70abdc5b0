"""A training's memory hardly grows with its photos: their features stay on the disk, where they are kept."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np

from catdog_common.artifact import Head, TrainingSettings
from catdog_trainer.calibrate import calibrate
from catdog_trainer.data import Photo
from catdog_trainer.feature_store import FeatureStore, Seen
from catdog_trainer.features import Features
from catdog_trainer.precision import to_compare
from catdog_trainer.rows import Rows
from catdog_trainer.train import train_head
from catdog_trainer.unknown import fit_unknown

WIDTH = 400
BYTES_OF_A_PHOTO = 4 * WIDTH  # that its features take
FEW, MANY = 1700, 3400  # a fold of fewer photos is not as many as there are in memory at a time
SETTINGS = TrainingSettings("efficientnet-lite0", 224, 2, 32, 0.001, 42)


def kept(directory: Path, count: int) -> tuple[Photo, ...]:
    """Keep features of so many photos, four in five for training, and return the photos."""
    random, store = np.random.default_rng(1), FeatureStore(directory, WIDTH)
    photos = tuple(
        Photo(f"{n:064x}", "dog" if n % 2 else "cat", "training" if n % 5 else "validation", f"{n}", bytes)
        for n in range(count)
    )
    for photo in photos:
        features = random.normal(1, 0.5, WIDTH).astype(np.float32)
        store.add(photo.digest, Seen(features, 3.0, random.integers(0, 2**63, 4, np.uint64)))
    store.close([photo.digest for photo in photos])
    return photos


def opened(directory: Path, photos: tuple[Photo, ...]) -> Features:
    """Return what is kept, as the trainer takes it."""
    store = FeatureStore(directory, WIDTH)
    seen = [store.of_photo(photo.digest) for photo in photos]
    hashes, log_odds = np.array([each.hash for each in seen]), np.array([each.log_odds for each in seen])
    return Features(photos, Rows([each.features for each in seen], WIDTH), hashes, log_odds)


def learn(features: Features) -> Head:
    """Do all that a training does with features."""
    features = features.without(features.near_copies())
    to_compare(features)
    training, validation = features.of("training").with_views(), features.of("validation")
    head = train_head(training, validation, SETTINGS, lambda _: None)
    fit_unknown(training, validation)
    return calibrate(head, validation)[0]


def peak_bytes(work: Callable[[], object]) -> int:
    """Return how much memory was taken at the most; what is mapped from a file is not counted."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_photo_more_takes_less_than_half_of_its_features(tmp_path: Path) -> None:
    few, many = kept(tmp_path / "few", FEW), kept(tmp_path / "many", MANY)
    learn(opened(tmp_path / "few", few))  # what is loaded and cached once
    less = peak_bytes(lambda: learn(opened(tmp_path / "few", few)))
    more = peak_bytes(lambda: learn(opened(tmp_path / "many", many)))
    assert (more - less) / (MANY - FEW) < BYTES_OF_A_PHOTO / 2, (less, more)
