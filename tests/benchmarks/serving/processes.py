"""What processes take, and how much of the machine others take meanwhile."""

import os
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from tests.bare.measuring import processor_seconds

_TICKS = os.sysconf("SC_CLK_TCK")


class Snapshot(msgspec.Struct, frozen=True):
    """One moment: processor seconds so far, of whom."""

    at: float  # since the epoch
    workers: float
    broker: float
    everybody: float

    @classmethod
    def take(cls, workers: Sequence[int], broker: int) -> "Snapshot":
        """Look at processes by their numbers."""
        busy = Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
        everybody = (sum(map(int, busy)) - int(busy[3]) - int(busy[4])) / _TICKS  # not idle, not iowait
        return cls(time.time(), sum(map(processor_seconds, workers)), processor_seconds(broker), everybody)


class Taken(msgspec.Struct, frozen=True):
    """What was taken between two moments: seconds of processor in a second."""

    workers: float
    broker: float
    others: float  # this benchmark itself among them

    @classmethod
    def between(cls, begin: Snapshot, end: Snapshot) -> "Taken":
        """Compare two moments."""
        seconds = end.at - begin.at
        workers, broker = end.workers - begin.workers, end.broker - begin.broker
        others = end.everybody - begin.everybody - workers - broker
        return cls(workers / seconds, broker / seconds, max(0.0, others) / seconds)


def resident_megabytes(pid: int, *, peak: bool = False) -> float:
    """Return what a process has resident, or the most that it had."""
    name = "VmHWM:" if peak else "VmRSS:"
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    [line] = [line for line in lines if line.startswith(name)]
    return int(line.split()[1]) * 1024 / 1e6
