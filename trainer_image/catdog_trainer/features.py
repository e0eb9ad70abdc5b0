"""Passes photos through the trunk that will serve, in a stream, on all processors."""

import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from catdog_common.images import UnreadableImageError, decode_image
from catdog_common.predictor import Trunk
from catdog_common.unknown import pet_log_odds
from catdog_trainer.ahead import map_ahead
from catdog_trainer.data import Dataset, Photo, Split
from catdog_trainer.feature_store import RESAMPLING, FeatureStore, Seen
from catdog_trainer.near import HASH_WORDS, Hashes, difference_hash, near_any
from catdog_trainer.rows import Rows
from catdog_trainer.views import PLAIN, Image, View


@dataclass(frozen=True)
class Features:
    """The trunk's features of photos, row by row, and the photos that could not be read."""

    photos: tuple[Photo, ...]
    matrix: Rows  # [photos, F]
    hashes: Hashes  # of the pictures, by which those that are nearly equal are found
    log_odds: NDArray[np.float64] | None = (
        None  # [photos], of ImageNet's pets; None: the trunk has no classes
    )
    unreadable: tuple[Photo, ...] = ()
    views: tuple["Features", ...] = ()  # of the training photos alone, each in another view of them

    def of(self, split: Split) -> "Features":
        """Return the rows of one split."""
        return self.only({photo.digest for photo in self.photos if photo.split == split})

    def near_copies(self) -> tuple[Photo, ...]:
        """Return the validation photos that are nearly equal to a training photo."""
        validation = self.of("validation")
        near = near_any(validation.hashes, self.of("training").hashes)
        return tuple(photo for photo, is_near in zip(validation.photos, near, strict=True) if is_near)

    def without(self, photos: Iterable[Photo]) -> "Features":
        """Return the rows of all other photos."""
        gone = {photo.digest for photo in photos}
        return self.only({photo.digest for photo in self.photos if photo.digest not in gone})

    def with_views(self) -> "Features":
        """Return the rows of the photos as they are, and after them those of each other view, all alike."""
        if not self.views:
            return self
        shown = (self, *self.views)
        return Features(
            tuple(photo for each in shown for photo in each.photos),
            Rows.joined([each.matrix for each in shown]),
            np.concatenate([each.hashes for each in shown]),
        )

    def only(self, digests: Collection[str]) -> "Features":
        """Return the rows of the photos of these digests."""
        rows = [row for row, photo in enumerate(self.photos) if photo.digest in digests]
        return Features(
            tuple(self.photos[row] for row in rows),
            self.matrix.only(rows),
            self.hashes[rows],
            None if self.log_odds is None else self.log_odds[rows],
            views=tuple(view.only(digests) for view in self.views),
        )


def decode_photo(photo: Photo, size: int) -> NDArray[np.uint8] | None:
    """Return the photo as uint8 [size, size, 3], or None where its file is no image or can't be read."""
    try:
        return decode_image(photo.read(), size, RESAMPLING)
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
    views: Sequence[View] = (),
) -> Features:
    """Return the features of `photos` in their order, and those of training photos in `views` too.

    What `store` knows passes no trunk, and the rest is added to it. `on_photo` is called after each photo.
    """
    local = _OwnTrunk(trunk)
    if store is None:
        store = FeatureStore(None, local.trunk.width)
    plain = _Gathered(PLAIN, store)
    others = [_Gathered(each, store.of_view(each.name)) for each in views]
    unreadable: list[Photo] = []

    def gathered(photo: Photo) -> list[_Gathered]:
        return [plain, *others] if photo.split == "training" else [plain]

    def look_at(photo: Photo) -> list[_Look] | None:
        return local.look_at(photo, gathered(photo))

    with ThreadPoolExecutor(threads) as pool:
        for photo, looks in zip(photos, map_ahead(pool, look_at, photos, threads), strict=True):
            if looks is None:
                unreadable.append(photo)
            else:
                for each, look in zip(gathered(photo), looks, strict=True):
                    each.add(photo, look)
            on_photo()
    digests, gives_classes = [photo.digest for photo in photos], local.trunk.gives_classes
    seen, *views_seen = (each.close(digests, gives_classes=gives_classes) for each in (plain, *others))
    return replace(seen, unreadable=tuple(unreadable), views=tuple(views_seen))


class _Look(NamedTuple):
    """What is known of a photo in one view, and whether it is only now."""

    seen: Seen
    is_new: bool


class _Gathered:
    """The photos seen in one view, and where what they came to is kept."""

    def __init__(self, view: View, store: FeatureStore) -> None:
        self.view = view
        self._store = store
        self._photos: list[Photo] = []

    def known(self, photo: Photo) -> Seen | None:
        return self._store.get(photo.digest)

    def add(self, photo: Photo, look: _Look) -> None:
        self._photos.append(photo)
        if look.is_new:
            self._store.add(photo.digest, look.seen)

    def close(self, digests: Sequence[str], *, gives_classes: bool) -> Features:
        """Keep what is not kept yet, and return what all photos came to."""
        self._store.close(digests)
        seen = [self._store.of_photo(photo.digest) for photo in self._photos]
        hashes = np.array([each.hash for each in seen], np.uint64).reshape(len(seen), HASH_WORDS)
        log_odds = np.array([each.log_odds for each in seen], np.float64) if gives_classes else None
        rows = Rows([each.features for each in seen], self._store.width)
        return Features(tuple(self._photos), rows, hashes, log_odds)


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
    none = Rows.of(np.empty((len(seen), 0), np.float32))
    features = Features(tuple(photo for photo, _ in seen), none, stacked)
    return dataset.without(unreadable).without_near_copies(features.near_copies())


class _OwnTrunk(threading.local):
    """A trunk of its own for each thread: whole photos in parallel need no waiting for one another."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @cached_property
    def trunk(self) -> Trunk:
        """Loaded by who has a photo for it: to load takes as long as ten photos."""
        return Trunk(self._path, threads=1)

    def look_at(self, photo: Photo, wanted: Sequence[_Gathered]) -> list[_Look] | None:
        """Return what is known of a photo in each view that is wanted; None where it can't be read."""
        known = [each.known(photo) for each in wanted]
        if None not in known:
            return [_Look(seen, is_new=False) for seen in known if seen]
        image = decode_photo(photo, self.trunk.image_size)
        if image is None:
            return None
        return [
            _Look(self._pass(each.view.show(image)), is_new=True)
            if seen is None
            else _Look(seen, is_new=False)
            for each, seen in zip(wanted, known, strict=True)
        ]

    def _pass(self, image: Image) -> Seen:
        """Return a picture's features, log-odds of pets (of a trunk without classes: no number) and hash."""
        features, classes = self.trunk.run(image)
        log_odds = np.nan if classes is None else float(pet_log_odds(classes[np.newaxis])[0])
        return Seen(features, log_odds, difference_hash(image))
