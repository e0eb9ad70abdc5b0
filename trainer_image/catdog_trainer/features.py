"""Passes photos through the trunk that will serve, in a stream, on all processors."""

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catdog_common.images import UnreadableImageError, decode_image
from catdog_common.predictor import Trunk
from catdog_common.unknown import pet_log_odds
from catdog_trainer.ahead import map_ahead
from catdog_trainer.data import Dataset, Photo, Split
from catdog_trainer.feature_store import FeatureStore, Seen
from catdog_trainer.near import HASH_WORDS, Hashes, difference_hash, near_any


@dataclass(frozen=True)
class Features:
    """The trunk's features of photos, row by row, and the photos that could not be read."""

    photos: tuple[Photo, ...]
    matrix: NDArray[np.float32]  # [photos, F]
    hashes: Hashes  # of the pictures, by which those that are nearly equal are found
    log_odds: NDArray[np.float64] | None = (
        None  # [photos], of ImageNet's pets; None: the trunk has no classes
    )
    unreadable: tuple[Photo, ...] = ()

    def of(self, split: Split) -> "Features":
        """Return the rows of one split."""
        return self._only(photo for photo in self.photos if photo.split == split)

    def near_copies(self) -> tuple[Photo, ...]:
        """Return the validation photos that are nearly equal to a training photo."""
        validation = self.of("validation")
        near = near_any(validation.hashes, self.of("training").hashes)
        return tuple(photo for photo, is_near in zip(validation.photos, near, strict=True) if is_near)

    def without(self, photos: Iterable[Photo]) -> "Features":
        """Return the rows of all other photos."""
        gone = {photo.digest for photo in photos}
        return self._only(photo for photo in self.photos if photo.digest not in gone)

    def _only(self, photos: Iterable[Photo]) -> "Features":
        wanted = {photo.digest for photo in photos}
        rows = [row for row, photo in enumerate(self.photos) if photo.digest in wanted]
        log_odds = None if self.log_odds is None else self.log_odds[rows]
        photos_of_rows = tuple(self.photos[row] for row in rows)
        return Features(photos_of_rows, self.matrix[rows], self.hashes[rows], log_odds)


def decode_photo(photo: Photo, size: int) -> NDArray[np.uint8] | None:
    """Return the photo as uint8 [size, size, 3], or None where its file is no image or can't be read."""
    try:
        return decode_image(photo.read(), size)
    except (UnreadableImageError, OSError):
        return None


def decode_again(photo: Photo, size: int) -> NDArray[np.uint8]:
    """Return a photo that was readable before, as uint8 [size, size, 3].

    Raises:
        OSError: it is so no more.
    """
    image = decode_photo(photo, size)
    if image is None:
        raise OSError(f"{photo.name} can no longer be read")
    return image


def extract_features(
    photos: Sequence[Photo],
    trunk: Path,
    threads: int,
    on_photo: Callable[[], None],
    store: FeatureStore | None = None,
) -> Features:
    """Return the features of `photos` in their order; `on_photo` is called after each.

    Those that `store` knows pass no trunk, and the others are added to it.
    """
    local = _OwnTrunk(trunk)

    def look_at(photo: Photo) -> tuple[Seen | None, bool]:
        known = store.get(photo.digest) if store is not None else None
        return (local.look_at(photo), True) if known is None else (known, False)

    rows = np.empty((len(photos), local.trunk.width), np.float32)
    log_odds = np.empty(len(photos), np.float64)
    hashes: list[Hashes] = []
    readable: list[Photo] = []
    unreadable: list[Photo] = []
    with ThreadPoolExecutor(threads) as pool:
        for photo, (seen, is_new) in zip(photos, map_ahead(pool, look_at, photos, threads), strict=True):
            if seen is None:
                unreadable.append(photo)
            else:
                rows[len(readable)], log_odds[len(readable)], seen_hash = seen
                hashes.append(seen_hash)
                readable.append(photo)
                if store is not None and is_new:
                    store.add(photo.digest, seen)
            on_photo()
    if store is not None:
        store.close([photo.digest for photo in photos])
    stacked = np.array(hashes, np.uint64).reshape(len(hashes), HASH_WORDS)
    count = len(readable)
    known_log_odds = log_odds[:count] if local.trunk.gives_classes else None
    return Features(tuple(readable), rows[:count], stacked, known_log_odds, tuple(unreadable))


def look_over(dataset: Dataset, size: int, threads: int, on_photo: Callable[[], None]) -> Dataset:
    """Return the dataset without what can't be read, and validation photos nearly equal to training ones.

    For those who need to know before a trunk is there; `on_photo` is called after each photo.
    """

    def look_at(photo: Photo) -> Hashes | None:
        image = decode_photo(photo, size)
        return None if image is None else difference_hash(image)

    seen: list[tuple[Photo, Hashes]] = []
    unreadable: list[Photo] = []
    with ThreadPoolExecutor(threads) as pool:
        hashes = map_ahead(pool, look_at, dataset.photos, threads)
        for photo, one in zip(dataset.photos, hashes, strict=True):
            if one is None:
                unreadable.append(photo)
            else:
                seen.append((photo, one))
            on_photo()
    stacked = np.array([one for _, one in seen], np.uint64).reshape(len(seen), HASH_WORDS)
    features = Features(tuple(photo for photo, _ in seen), np.empty((len(seen), 0), np.float32), stacked)
    return dataset.without(unreadable).without_near_copies(features.near_copies())


class _OwnTrunk(threading.local):
    """A trunk of its own for each thread: whole photos in parallel need no waiting for one another."""

    def __init__(self, path: Path) -> None:
        self.trunk = Trunk(path, threads=1)

    def look_at(self, photo: Photo) -> Seen | None:
        """Return the photo's features, its pets' log-odds (of a trunk without classes: no number) and hash.

        None where it can't be read.
        """
        image = decode_photo(photo, self.trunk.image_size)
        if image is None:
            return None
        features, classes = self.trunk.run(image)
        log_odds = np.nan if classes is None else float(pet_log_odds(classes[np.newaxis])[0])
        return Seen(features, log_odds, difference_hash(image))
