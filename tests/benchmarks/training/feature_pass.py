"""Photos/s of the trainer's whole feature pass, beside the bare flatbuffer on decoded arrays.

    python -m tests.benchmarks.training.feature_pass TRUNK PHOTOS ROUNDS

PHOTOS is a data set's folder. Both take turns on the same photos, with as many threads as there are
processors, and every round is printed as JSON.
"""

import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter, process_time

import msgspec
import numpy as np
from numpy.typing import NDArray

from catdog_common.predictor import Trunk
from catdog_common.processors import available_processors
from catdog_trainer.ahead import map_ahead
from catdog_trainer.data import Photo
from catdog_trainer.data.directory import read_directory
from catdog_trainer.feature_store import FeatureStore
from catdog_trainer.features import decode_photo, extract_features
from tests.benchmarks.training.figures import PassRound


def measure(trunk: Path, photos: Sequence[Photo], rounds: int, threads: int) -> list[PassRound]:
    """Let both take turns."""
    size = Trunk(trunk, threads=1).image_size
    with ThreadPoolExecutor(threads) as pool:
        decoded = list(map_ahead(pool, lambda photo: decode_photo(photo, size), photos, threads))
    images = [image for image in decoded if image is not None]
    return [_round(trunk, photos, images, threads) for _ in range(rounds)]


def _round(
    trunk: Path, photos: Sequence[Photo], images: Sequence[NDArray[np.uint8]], threads: int
) -> PassRound:
    with tempfile.TemporaryDirectory() as scratch:
        begun, computed = perf_counter(), process_time()
        store = FeatureStore(Path(scratch), Trunk(trunk, threads=1).width)
        extract_features(photos, trunk, threads, lambda: None, store)
        whole, whole_computed = perf_counter() - begun, process_time() - computed
    begun, computed = perf_counter(), process_time()
    _run_bare(trunk, images, threads)
    bare, bare_computed = perf_counter() - begun, process_time() - computed
    return PassRound(
        len(photos) / whole,
        len(images) / bare,
        1000 * whole_computed / len(photos),
        1000 * bare_computed / len(images),
    )


def _run_bare(trunk: Path, images: Sequence[NDArray[np.uint8]], threads: int) -> None:
    """Run each thread's share of the images by a network of its own."""

    def run(share: Sequence[NDArray[np.uint8]]) -> None:
        network = Trunk(trunk, threads=1)
        for image in share:
            network.run(image)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(run, (images[number::threads] for number in range(threads))))


def main(trunk: str, photos: str, rounds: str) -> None:
    """Measure and print."""
    dataset = read_directory(Path(photos), photos)
    measured = measure(Path(trunk), dataset.photos, int(rounds), available_processors())
    sys.stdout.write(msgspec.json.encode(measured).decode() + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
