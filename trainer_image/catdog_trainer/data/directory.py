"""Photos in folders: `training/{cat,dog}` and `validation/{cat,dog}`, or plain `cat/ dog/`."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from catdog_common.artifact import LABELS
from catdog_trainer.data import MAX_PHOTO_BYTES, SPLITS, DataError, Dataset, Photo, Split, changed, split_of

EXPECTED = "folders training/cat/, training/dog/, validation/cat/ and validation/dog/, or cat/ and dog/"


def read_claim(directory: Path, root: Path) -> Dataset:
    """Return the photos in `directory` of the claim that is mounted at `root`.

    Raises:
        DataError: DataNotFound, as `read_directory` has it, or where the directory is outside of the claim.
    """
    source = claim_folder(directory, root)
    if not directory.resolve().is_relative_to(root.resolve()):
        raise DataError("DataNotFound", f"{source} leads out of the claim: name a folder within it")
    return read_directory(directory, source)


def claim_folder(directory: Path, root: Path) -> str:
    """Return what a person calls `directory`, which lies within the claim that is mounted at `root`."""
    path = directory.relative_to(root) if directory.is_relative_to(root) else directory
    return "the claim's root folder" if path == Path() else f"the claim's folder {_printable(path)}/"


def read_directory(directory: Path, source: str) -> Dataset:
    """Return the photos in `directory`, which messages call `source`.

    In folders without a split each photo's content decides on which side it is. Hidden files are left out,
    and so is what can't be read, a link to a folder, and a link that leads out of the directory; these are
    named.

    Raises:
        DataError: DataNotFound, where there is no such directory or no file in its folders.
    """
    if not directory.is_dir():
        raise DataError("DataNotFound", f"{source} does not exist: it should hold {EXPECTED}")
    declared = any((directory / split).is_dir() for split in SPLITS)
    layout = ("training/{label}/", "validation/{label}/") if declared else ("{label}/",)
    found = list(_find(directory, source, declared=declared))
    if not found:
        raise DataError("DataNotFound", f"{source} has no photos: it should hold {EXPECTED}")
    photos = (photo for photo in found if isinstance(photo, Photo))
    unreadable = (name for name in found if isinstance(name, str))
    return Dataset.gather(source, layout, photos, unreadable)


def _find(directory: Path, source: str, *, declared: bool) -> Iterator[Photo | str]:
    """Yield the photos below the folders of labels, and the names of files that can't be read."""
    folders: Iterable[tuple[Split | None, Path]] = (
        [(split, directory / split) for split in SPLITS] if declared else [(None, directory)]
    )
    within = directory.resolve()
    for split, folder in folders:
        for label in LABELS:
            for path in _files(folder / label, within):
                if _is_file_within(path, within):
                    yield _read_photo(path, directory, source, label, split)
                else:
                    yield _printable(path.relative_to(directory))


def _files(folder: Path, within: Path) -> Iterator[Path]:
    """Yield what is to be read or named: files, links, and folders that can't be looked into."""
    if not folder.is_dir():
        return
    if not folder.resolve().is_relative_to(within):
        yield folder
        return
    denied: list[OSError] = []
    for parent, directories, names in os.walk(folder, onerror=denied.append):  # follows no links to folders
        directories[:] = sorted(name for name in directories if not name.startswith("."))
        yield from (path for name in directories if (path := Path(parent, name)).is_symlink())
        yield from (Path(parent, name) for name in sorted(names) if not name.startswith("."))
    yield from (Path(error.filename) for error in denied)


def _is_file_within(path: Path, within: Path) -> bool:
    """Say whether a path in a folder within `within` is a file there, and neither a link out nor a pipe."""
    if path.is_symlink() and not path.resolve().is_relative_to(within):
        return False
    return path.is_file()


def _read_photo(path: Path, directory: Path, source: str, label: str, split: Split | None) -> Photo | str:
    name = _printable(path.relative_to(directory))
    try:
        if path.stat().st_size > MAX_PHOTO_BYTES:
            return name
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return name
    # The path as text: a Path in each of 100,000 photos took 28 MB more.
    read = partial(_read_again, os.fspath(path), digest, name, source)
    return Photo(digest, label, split or split_of(digest), name, read)


def _read_again(path: str, digest: str, name: str, source: str) -> bytes:
    """Return what a file holds, which had this digest before: what is kept of photos goes by that.

    Raises:
        DataError: DataChanged.
    """
    content = Path(path).read_bytes()
    if hashlib.sha256(content).hexdigest() != digest:
        raise changed(f"{name} of {source} was changed while it was being trained on")
    return content


def _printable(path: Path) -> str:
    """Return the path as text that any encoder takes; names on a disk may be any bytes."""
    return os.fsencode(path).decode(errors="backslashreplace")
