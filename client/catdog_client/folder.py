"""A folder of labelled photos on this machine, as a training would read it."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from catdog_client.errors import ClientError

_LABELS, _SPLITS = ("cat", "dog"), ("training", "validation")


class LabelledFile(NamedTuple):
    """A file below a label's folder; the split is None where the folder does not say it."""

    path: Path
    name: str  # its path within the folder, with '/'
    label: str
    split: str | None


class LeftOut(NamedTuple):
    """What was not uploaded, as a person can read it, and why."""

    name: str
    why: str


def find_photos(directory: Path) -> tuple[list[LabelledFile], list[LeftOut]]:
    """Return the files below training/ and validation/, else cat/ and dog/, and what is left out.

    That is what can't be looked into, links to folders, and links that lead out of the directory: a training
    would follow none of these either.

    Raises:
        ClientError: there are none.
    """
    declared: list[str | None] = [split for split in _SPLITS if (directory / split).is_dir()]
    left_out: list[LeftOut] = []
    found = sorted(
        LabelledFile(path, path.relative_to(directory).as_posix(), label, split)
        for split in declared or [None]
        for label in _LABELS
        for path in _files(directory / (split or "") / label, directory, left_out)
    )
    if not found and not left_out:
        expected = "training/cat/, training/dog/, validation/cat/ and validation/dog/, or cat/ and dog/"
        raise ClientError(f"{directory} has no photos: it should hold folders {expected}")
    return found, left_out


def _files(folder: Path, directory: Path, left_out: list[LeftOut]) -> Iterator[Path]:
    if not folder.is_dir():
        return
    within = directory.resolve()
    if not folder.resolve().is_relative_to(within):
        left_out.append(_leads_out(folder, directory))
        return
    denied: list[OSError] = []
    for parent, folders, names in os.walk(folder, onerror=denied.append):  # follows no links to folders
        folders[:] = [name for name in folders if not name.startswith(".")]
        links = (path for name in folders if (path := Path(parent, name)).is_symlink())
        left_out += [LeftOut(_named(link, directory), "is a link to a folder") for link in links]
        for path in (Path(parent, name) for name in names if not name.startswith(".")):
            if path.is_symlink() and not path.resolve().is_relative_to(within):
                left_out.append(_leads_out(path, directory))
            else:
                yield path
    left_out += [LeftOut(printable(str(each.filename)), _unreadable(each)) for each in denied]


def _leads_out(link: Path, directory: Path) -> LeftOut:
    return LeftOut(_named(link, directory), f"is a link that leads out of {printable(str(directory))}")


def _named(path: Path, directory: Path) -> str:
    return printable(path.relative_to(directory).as_posix())


def size_of(photo: LabelledFile) -> int | LeftOut:
    """Return how many bytes a photo has, or why it can't be read: a pipe, say, might never end."""
    try:
        status = photo.path.stat()
    except OSError as error:
        return unreadable(photo, error)
    if not stat.S_ISREG(status.st_mode):
        return LeftOut(printable(photo.name), "is no file")
    return status.st_size


def unreadable(photo: LabelledFile, error: OSError) -> LeftOut:
    """Return what is to be said of a photo that can't be read."""
    return LeftOut(printable(photo.name), _unreadable(error))


def printable(name: str) -> str:
    """Return a name as text for any terminal; names on a disk may be any bytes."""
    text = os.fsencode(name).decode(errors="backslashreplace")
    return text if text.isprintable() else ascii(text)


def _unreadable(error: OSError) -> str:
    return f"cannot be read: {error.strerror}"
