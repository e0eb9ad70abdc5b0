"""A claim whose volume is a small file system of its own, which can be full."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster.instance import Instance
from tests.e2e.claims import make_claim
from tests.e2e.processes import processes_of


@contextmanager
def small_disk(cluster: Instance, claim: str, size: str) -> Iterator[Path]:
    """Give the directory, as the node sees it, of a claim that is no larger than `size`, such as `256m`.

    The mount is in the node's own mount namespace, where the kubelet and the pods see it, and not the host.
    """

    def mount(directory: Path) -> None:
        on_node(cluster, "mount", "-t", "tmpfs", "-o", f"size={size},mode=2777", "tmpfs", str(directory))

    directory = make_claim(cluster, claim, fill=mount)
    try:
        yield directory
    finally:
        on_node(cluster, "umount", str(directory))


def fill(cluster: Instance, directory: Path) -> None:
    """Take all the room that there is.

    Raises:
        subprocess.CalledProcessError: nothing could be taken.
    """
    until_full = (
        'cat /dev/zero > "$1"; test -s "$1"'  # the first always fails in the end: there is no more room
    )
    on_node(cluster, "sh", "-c", until_full, "sh", str(directory / "filler"))


def empty(cluster: Instance, directory: Path) -> None:
    """Give the room back."""
    on_node(cluster, "rm", str(directory / "filler"))


def on_node(cluster: Instance, *command: str) -> None:
    """Run a program of the host's in the mount namespace of a node."""
    [kubelet] = processes_of(cluster, "kubelet")
    subprocess.run(
        ("nsenter", "--target", str(kubelet), "--mount", *command), check=True, capture_output=True
    )
