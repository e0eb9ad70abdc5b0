"""Tells how many processors the pod may use, and holds the libraries to that."""

import math
import os
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")


def usable_processors(cgroup: Path = _CGROUP) -> int:
    """Return how many threads can run at a time, by affinity and the container's CPU limit, at least one."""
    allowed = len(os.sched_getaffinity(0))
    try:
        quota, period = (cgroup / "cpu.max").read_text().split()
    except FileNotFoundError:  # cgroup v1, or no limit at all
        return allowed
    if quota == "max":
        return allowed
    return max(1, min(allowed, math.ceil(int(quota) / int(period))))


def limit_threads(threads: int) -> None:
    """Have TensorFlow and oneDNN, loaded later, use so many threads: they would count the node's.

    What that and other settings bring is measured in docs/training-figures.md.
    """
    for name in ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(name, str(threads))
