"""The programs of a node and of its pods, as the host numbers their processes."""

from contextlib import suppress
from pathlib import Path

from tests.cluster.instance import Instance


def processes_of(node: Instance, program: str) -> list[int]:
    """Return the processes of a node's program."""
    return [
        int(path.name)
        for path in Path("/proc").iterdir()
        if path.name.isdecimal() and _is_of_node(path, node, program)
    ]


def process_in_pod(uid: str, program: str) -> int:
    """Return the process that runs a program in the pod with this uid.

    Raises:
        ProcessLookupError: none does, any more.
    """
    found = processes_in_pod(uid, program)
    if not found:
        raise ProcessLookupError(f"no {program} runs in pod {uid}")
    [process] = found
    return process


def processes_in_pod(uid: str, program: str) -> list[int]:
    """Return the processes that run a program in the pod with this uid."""
    return [
        int(path.name)
        for path in Path("/proc").iterdir()
        if path.name.isdecimal() and _is_in_pod(path, uid, program)
    ]


def _is_of_node(process: Path, node: Instance, program: str) -> bool:
    with suppress(OSError):  # it is a thread of the kernel, or has ended
        return (process / "cwd").readlink() == node.layout.node_dir and _runs(process, program)
    return False


def _is_in_pod(process: Path, uid: str, program: str) -> bool:
    with suppress(OSError):  # it has ended
        return _runs(process, program) and f"pod{uid}" in (process / "cgroup").read_text()
    return False


def _runs(process: Path, program: str) -> bool:
    return (process / "comm").read_text().strip() == program
