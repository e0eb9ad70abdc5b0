"""Passes photos through the trunk that will serve, in a stream, on all processors."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from catdog_common.images import UnreadableImageError, decode_image
from catdog_common.predictor import Trunk
from catdog_trainer.data import Photo, Split

Item = TypeVar("Item")
Result = TypeVar("Result")

_AHEAD = 4  # photos in flight a thread: enough to keep it busy, few enough to keep memory flat


@dataclass(frozen=True)
class Features:
    """The trunk's features of photos, row by row, and the photos that could not be read."""

    photos: tuple[Photo, ...]
    matrix: NDArray[np.float32]  # [photos, F]
    unreadable: tuple[Photo, ...] = ()

    def of(self, split: Split) -> "Features":
        """Return the rows of one split."""
        chosen = [row for row, photo in enumerate(self.photos) if photo.split == split]
        return Features(tuple(self.photos[row] for row in chosen), self.matrix[chosen])


def decode_photo(photo: Photo, size: int) -> NDArray[np.uint8] | None:
    """Return the photo as uint8 [size, size, 3], or None where its file is no image or can't be read."""
    try:
        return decode_image(photo.read(), size)
    except (UnreadableImageError, OSError):
        return None


def extract_features(
    photos: Sequence[Photo], trunk: Path, threads: int, on_photo: Callable[[], None]
) -> Features:
    """Return the features of `photos` in their order; `on_photo` is called after each."""
    local = _OwnTrunk(trunk)
    rows = np.empty((len(photos), local.trunk.width), np.float32)
    readable: list[Photo] = []
    unreadable: list[Photo] = []
    with ThreadPoolExecutor(threads) as pool:
        for photo, features in zip(photos, map_ahead(pool, local.features, photos, threads), strict=True):
            if features is None:
                unreadable.append(photo)
            else:
                rows[len(readable)] = features
                readable.append(photo)
            on_photo()
    return Features(tuple(readable), rows[: len(readable)], tuple(unreadable))


def map_ahead(
    pool: ThreadPoolExecutor, function: Callable[[Item], Result], items: Iterable[Item], threads: int
) -> Iterator[Result]:
    """Yield the results in the order of the items, with only a few items under way at a time."""
    remaining = iter(items)
    under_way: deque[Future[Result]] = deque(
        pool.submit(function, item) for item in islice(remaining, threads * _AHEAD)
    )
    while under_way:
        yield under_way.popleft().result()
        under_way.extend(pool.submit(function, item) for item in islice(remaining, 1))


class _OwnTrunk(threading.local):
    """A trunk of its own for each thread: whole photos in parallel need no waiting for one another."""

    def __init__(self, path: Path) -> None:
        self.trunk = Trunk(path, threads=1)

    def features(self, photo: Photo) -> NDArray[np.float32] | None:
        image = decode_photo(photo, self.trunk.image_size)
        return None if image is None else self.trunk.run(image).features
