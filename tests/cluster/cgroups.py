"""A cgroup of an instance's own, in every hierarchy that is mounted (one with v2, several with v1)."""

import errno
import os
import time
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")
_PATIENCE_SECONDS = 60.0

# https://github.com/kubernetes/kubernetes/blob/v1.34.4/pkg/kubelet/cm/cgroup_v2_manager_linux.go
_NEEDED = {"cpu", "cpuset", "hugetlb", "memory", "pids"}


def hierarchies() -> list[Path]:
    """Return where the cgroup hierarchies are mounted."""
    mounts = (line.split(" - ") for line in _MOUNTS.read_text().splitlines())
    found = {before.split()[4] for before, after in mounts if after.split()[0] in ("cgroup", "cgroup2")}
    return [Path(path) for path in sorted(found)]


def make(name: str) -> None:
    """Make the cgroup where it is not there.

    Raises:
        FileNotFoundError: no hierarchy is mounted.
    """
    found = hierarchies()
    if not found:
        raise FileNotFoundError(
            "no cgroups are mounted under /sys/fs/cgroup (in a chroot: mount --rbind /sys)"
        )
    if len(found) == 1:
        _enable_controllers(found[0])
    for hierarchy in found:
        directory = hierarchy / name
        directory.mkdir(exist_ok=True)
        for setting in ("cpuset.cpus", "cpuset.mems"):
            # With v1 a new cgroup has neither, and nothing may run in it; with v2 both are inherited.
            inherited, own = hierarchy / setting, directory / setting
            if inherited.exists() and own.exists():
                own.write_text(inherited.read_text())


def _enable_controllers(hierarchy: Path) -> None:
    # The kubelet wants them in the cgroup that it is given; only v2 has such a list.
    enabled = hierarchy / "cgroup.subtree_control"
    if enabled.exists():
        there = set((hierarchy / "cgroup.controllers").read_text().split())
        for controller in sorted(_NEEDED & there - set(enabled.read_text().split())):
            enabled.write_text(f"+{controller}")


def remove(name: str) -> None:
    """Remove the cgroup and those in it, whose processes have been killed."""
    for hierarchy in hierarchies():
        for directory, _, _ in os.walk(hierarchy / name, topdown=False):
            _remove_directory(Path(directory))


def _remove_directory(directory: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            directory.rmdir()
        except OSError as error:
            if error.errno != errno.EBUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)  # the kernel lets go of a killed process after it says so, and tells nobody
        else:
            return
