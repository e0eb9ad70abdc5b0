"""Writes files so that they outlive a crash of the node, and directories that appear whole."""

import os
from pathlib import Path

DRAFT = ".draft-"  # leads the names of files that are not whole yet, or never came to be


def write_file(path: Path, content: bytes) -> None:
    """Write `content` and wait until the disk has it.

    Raises:
        OSError: with the file's name, also where the disk had no room for the content.
    """
    try:
        with path.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def write_whole(path: Path, content: bytes) -> None:
    """Write `content` so that it is there whole or not at all; where two do so at once, one stays."""
    draft = path.with_name(f"{DRAFT}{path.name}.{os.uname().nodename}.{os.getpid()}")
    try:
        write_file(draft, content)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def sync(path: Path) -> None:
    """Wait until the disk has what a file or a directory holds."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
