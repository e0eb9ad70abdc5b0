"""How many processors a container may use, so that threads are not more than run at once."""

import math
import os
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def available_processors(quota: Path = _QUOTA) -> int:
    """Return how many processors this process may use: of its affinity and its cgroup's quota the lower."""
    allowed = len(os.sched_getaffinity(0))
    try:
        limit, period = quota.read_text().split()
    except (OSError, ValueError):  # the root cgroup has no such file, nor has version 1 of cgroups
        return allowed
    return allowed if limit == "max" else max(1, min(allowed, math.ceil(int(limit) / int(period))))
