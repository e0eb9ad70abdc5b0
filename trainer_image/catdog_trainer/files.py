"""Writes files so that they outlive a crash of the node, and directories that appear whole."""

import os
from pathlib import Path


def write_file(path: Path, content: bytes) -> None:
    """Write `content` and wait until the disk has it."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def write_whole(path: Path, content: bytes) -> None:
    """Write `content` so that it is there whole or not at all; where two do so at once, one stays."""
    draft = path.with_name(f".{path.name}.{os.uname().nodename}.{os.getpid()}")
    write_file(draft, content)
    draft.replace(path)


def sync(path: Path) -> None:
    """Wait until the disk has what a file or a directory holds."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
