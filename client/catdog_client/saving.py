"""Writes files that others named into a folder, over none that is there."""

from pathlib import Path
from typing import BinaryIO


def save_new(file: Path, content: bytes) -> str | None:
    """Write a file that is not there yet, nor a link of its name; return why not, if that can't be.

    One that has this very content already is as good.
    """
    try:
        if not file.parent.is_dir():
            file.parent.mkdir(parents=True)
        if file.is_symlink() or file.exists():
            return None if _is(file, content) else f"{file} is there already, with another content"
        with file.open("xb") as new:  # O_EXCL: follows no link
            _write_all(new, content, file)
    except OSError as error:
        return f"{error.filename or file} can't be written: {error.strerror}"
    return None


def _is(file: Path, content: bytes) -> bool:
    return file.is_file() and not file.is_symlink() and file.read_bytes() == content


def _write_all(new: BinaryIO, content: bytes, file: Path) -> None:
    try:
        new.write(content)
        new.flush()
    except OSError:
        file.unlink()  # a part of it (the disk is full, say) would pass for the whole
        raise
