"""Streams photos into TensorFlow: decoded by the code that serves, a few at a time, in an order by a seed.

What an epoch sees depends on seed and epoch alone, so that a training which goes on with its seventh epoch
sees what it would have seen.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from catdog_common.artifact import LABELS
from catdog_trainer.augment import augment
from catdog_trainer.data import DataError, Photo
from catdog_trainer.features import decode_again

_BATCHES_AHEAD = 2


class PhotoStream:
    """Labelled photos as batches of (images, float32 [n, S, S, 3] from 0 to 255; labels, int64 [n])."""

    def __init__(self, photos: Sequence[Photo], size: int, batch_size: int, threads: int) -> None:
        """Read, when asked, `photos` as squares of `size` pixels, by `threads` at a time."""
        self._photos = photos
        self._size, self._batch_size, self._threads = size, batch_size, threads
        self.error: Exception | None = None  # why a photo was not read; of several one

    @property
    def batches(self) -> int:
        """How many batches all photos are."""
        return -(-len(self._photos) // self._batch_size)

    def in_order(self) -> tf.data.Dataset:
        """Return all photos as they are, once."""
        return self._batched(tf.data.Dataset.range(len(self._photos)))

    def shuffled(self, seed: int, first_epoch: int, epochs: int) -> tf.data.Dataset:
        """Return all photos for each epoch from `first_epoch` (0 is the first), shuffled and changed anew."""
        return tf.data.Dataset.range(first_epoch, epochs).flat_map(lambda epoch: self._epoch(seed, epoch))

    def _epoch(self, seed: int, epoch: Any) -> tf.data.Dataset:  # noqa: ANN401 - TensorFlow has no types
        draws = self.batches + 1  # of an epoch: one for the order, one for each batch
        numbers = tf.range(len(self._photos), dtype=tf.int64)
        order = tf.random.experimental.stateless_shuffle(numbers, (seed, epoch * draws))
        batches = self._batched(tf.data.Dataset.from_tensor_slices(order))
        return batches.enumerate(start=1).map(
            lambda batch, photos: (augment(photos[0], (seed, epoch * draws + batch)), photos[1])
        )

    def _batched(self, numbers: tf.data.Dataset) -> tf.data.Dataset:
        photos = numbers.map(self._load, num_parallel_calls=self._threads, deterministic=True)
        return photos.batch(self._batch_size).prefetch(_BATCHES_AHEAD)

    def _load(self, number: Any) -> tuple[Any, Any]:  # noqa: ANN401 - TensorFlow has no types
        # Without a state, or under determinism TensorFlow would decode one after the other.
        image, label = tf.numpy_function(self._decode, [number], [tf.uint8, tf.int64], stateful=False)
        image.set_shape((self._size, self._size, 3))
        label.set_shape(())
        return tf.cast(image, tf.float32), label

    def _decode(self, number: np.int64) -> tuple[NDArray[np.uint8], np.int64]:
        photo = self._photos[int(number)]
        try:
            return decode_again(photo, self._size), np.int64(LABELS.index(photo.label))
        except (DataError, OSError) as error:
            self.error = error
            raise


@contextmanager
def telling_why(*streams: PhotoStream) -> Iterator[None]:
    """Raise why a photo was not read in place of TensorFlow's error, which has that as a text alone."""
    try:
        yield
    except tf.errors.OpError:
        for stream in streams:
            if stream.error is not None:
                raise stream.error from None
        raise
