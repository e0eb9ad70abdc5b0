import tracemalloc
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from catdog_trainer.near import Hashes, difference_hash, near_any


def some_hashes(count: int, seed: int = 1) -> Hashes:
    return np.random.default_rng(seed).integers(0, 2**64, (count, 4), np.uint64)


def with_flipped(hashes: Hashes, bits: Sequence[int]) -> Hashes:
    """Return the hashes with these of their 256 bits turned over."""
    single = np.unpackbits(hashes.view(np.uint8), axis=1)
    single[:, bits] ^= 1
    return np.packbits(single, axis=1).view(np.uint64)


def test_a_hash_says_where_a_picture_grows_lighter_to_the_right() -> None:
    image = np.zeros((170, 170, 3), np.uint8)
    image[:, 85:] = 255  # the pixel in the middle of seventeen is half and half
    bits = np.unpackbits(difference_hash(image).view(np.uint8)).reshape(16, 16)
    assert np.array_equal(np.flatnonzero(bits[0]), [7, 8])
    assert np.array_equal(bits, np.tile(bits[0], (16, 1)))


def test_twenty_bits_of_256_are_near_and_more_are_not() -> None:
    hashes = some_hashes(200)
    spread = list(range(0, 252, 12))  # over all four words
    assert len(spread) == 21
    assert near_any(with_flipped(hashes, spread[:20]), hashes).all()
    assert not near_any(with_flipped(hashes, spread), hashes).any()


def test_a_picture_and_its_negative_are_not_near() -> None:
    hashes = some_hashes(1)
    assert not near_any(~hashes, hashes).any()  # 256 bits, which is 0 in a byte


@pytest.mark.parametrize("colour", [0, 128, 255])
def test_pictures_without_anything_on_them_are_near_to_none(colour: int) -> None:
    card: NDArray[np.uint8] = np.full((224, 224, 3), colour, np.uint8)
    hashes = difference_hash(card)[np.newaxis]
    assert not near_any(hashes, hashes).any()


def test_where_there_is_nothing_to_compare_with_none_is_near() -> None:
    assert not near_any(some_hashes(3), some_hashes(0)).any()
    assert near_any(some_hashes(0), some_hashes(3)).shape == (0,)


def test_many_are_compared_in_little_memory() -> None:
    hashes, others = some_hashes(1000), some_hashes(20_000, seed=2)
    others[19_999] = hashes[999]
    tracemalloc.start()
    near = near_any(hashes, others)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert np.flatnonzero(near).tolist() == [999]
    assert peak < 32 * 2**20
