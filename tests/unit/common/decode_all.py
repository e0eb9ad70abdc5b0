"""Decodes good pictures, poison and mutated pictures in a process of its own, and prints what that took."""

import json
import statistics
import sys
import time
from collections import Counter
from pathlib import Path

from catdog_common.artifact import Resampling
from catdog_common.images import UnreadableImageError, decode_image
from tests.poison import mutated, originals, poison

SIZE = 260
ROUNDS = 20


def main() -> None:
    """Print outcomes, processor time of each (s), and the most memory (bytes)."""
    mutants, seed = map(int, sys.argv[1:])
    good = [_decode(data) for _ in range(ROUNDS) for data in originals().values()]
    bad = [data for data, _ in poison().values()]
    memory = peak_memory()
    refused = [_decode(data) for data in bad]
    damaged = [_decode(data) for _, data in mutated(mutants, seed)]
    figures = {
        "good": {"outcomes": Counter(each for each, _ in good), "mean": _mean(good), "memory": memory},
        "poison": {"outcomes": Counter(each for each, _ in refused), "longest": _longest(refused)},
        "mutated": {
            "outcomes": Counter(each for each, _ in damaged),
            "mean": _mean(damaged),
            "longest": _longest(damaged),
        },
        "memory": peak_memory(),
    }
    print(json.dumps(figures))  # noqa: T201 - for who started this


def _decode(data: bytes) -> tuple[str, float]:
    begin = time.thread_time()
    try:
        for resampling in Resampling:
            decode_image(data, SIZE, resampling)
        outcome = "decoded"
    except UnreadableImageError as error:
        outcome = error.reason
    return outcome, time.thread_time() - begin


def _mean(decoded: list[tuple[str, float]]) -> float:
    return statistics.mean(seconds for _, seconds in decoded)


def _longest(decoded: list[tuple[str, float]]) -> float:
    return max(seconds for _, seconds in decoded)


def peak_memory() -> int:
    """Return the most bytes that this process ever had in memory."""
    lines = Path("/proc/self/status").read_text().splitlines()
    [peak] = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return 1024 * int(peak)


if __name__ == "__main__":
    main()
