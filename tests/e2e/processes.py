"""The node's programs, as the host numbers their processes."""

from pathlib import Path

from tests.cluster.instance import Instance


def processes_of(node: Instance, program: str) -> list[int]:
    """Return the processes of a node's program."""
    return [
        int(path.name)
        for path in Path("/proc").iterdir()
        if path.name.isdecimal() and _working_directory(path) == node.layout.node_dir and _runs(path, program)
    ]


def _working_directory(process: Path) -> Path | None:
    try:
        return (process / "cwd").readlink()
    except OSError:  # a thread of the kernel, or one that has ended
        return None


def _runs(process: Path, program: str) -> bool:
    return (process / "comm").read_text().strip() == program
