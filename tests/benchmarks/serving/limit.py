"""Decode plus predict with nothing else: what the processors allow.

    python -m tests.benchmarks.serving.limit VERSION PICTURES THREADS SECONDS

In each thread one picture after the other, by a network of its own on one thread of LiteRT: nobody waits for
anybody. It says `ready`, begins when it reads a line, and prints its figures as JSON.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path
from time import perf_counter, process_time

import msgspec

from catdog_common.predictor import Predictor
from tests.benchmarks.serving.processes import resident_megabytes

_MODULE = "tests.benchmarks.serving.limit"
_READY = "ready\n"


class Reached(msgspec.Struct, frozen=True):
    """How far one process came."""

    photos: int
    seconds: float
    computed: float  # seconds of processor
    peak_megabytes: float


def reach(version: Path, pictures: Path, processes: int, threads: int, seconds: float) -> list[Reached]:
    """Have so many processes decode and predict at the same time; return how far each came.

    Raises:
        RuntimeError: one did not begin.
    """
    argv = [sys.executable, "-m", _MODULE, str(version), str(pictures), str(threads), str(seconds)]
    with ExitStack() as stack:
        running = [
            stack.enter_context(
                subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            )
            for _ in range(processes)
        ]
        if any(process.stdout is None or process.stdout.readline() != _READY for process in running):
            raise RuntimeError("decode and predict alone did not begin: its error stands above")
        for process in running:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        return [msgspec.json.decode(process.communicate()[0], type=Reached) for process in running]


def measure(version: Path, pictures: Sequence[bytes], threads: int, seconds: float) -> Reached:
    """Decode and predict for so long; first wait for a line on standard input."""
    predictors = [Predictor.load(version, 1) for _ in range(threads)]
    for predictor in predictors:
        predictor.predict([predictor.decode(pictures[0])])
    sys.stdout.write(_READY)
    sys.stdout.flush()
    sys.stdin.readline()
    counts = [0] * threads
    start, processor = perf_counter(), process_time()

    def work(number: int) -> None:
        predictor = predictors[number]
        for picture in cycle(pictures[number::threads]):
            predictor.predict([predictor.decode(picture)])
            counts[number] += 1
            if perf_counter() - start > seconds:
                return

    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    peak = resident_megabytes(os.getpid(), peak=True)
    return Reached(sum(counts), perf_counter() - start, process_time() - processor, peak)


def main(version: str, pictures: str, threads: str, seconds: str) -> None:
    """Measure and print."""
    contents = [path.read_bytes() for path in sorted(Path(pictures).iterdir())]
    reached = measure(Path(version), contents, int(threads), float(seconds))
    sys.stdout.write(msgspec.json.encode(reached).decode() + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
