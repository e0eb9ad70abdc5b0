"""Takes off the claim what is not to stay: versions, as the operator says, and what was never published.

A version goes at once, never by halves.
"""

import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import structlog

from catdog_common.artifact import VersionDamagedError, list_versions, read_metadata, version_dir
from catdog_trainer.files import DRAFT, sync, write_whole

VERSION_DRAFT = "version-"  # leads the names of drafts in work/<hash>/
_REMOVED = "removed-"  # leads the names of what was taken out of versions/ and is being deleted
_HIGHEST_REMOVED = "highest-removed"  # a file; beside versions/, as all of that is versions

_logger = structlog.get_logger(__name__)


def clear_leftovers(storage: Path, model: str) -> None:
    """Delete what trainings that were cut off left unfinished; what can be gone on with stays.

    One trainer runs at a time. Another one that still runs on a node that is out of reach loses its draft by
    this, and ends.
    """
    directory = storage / model
    with suppress(FileNotFoundError):  # one that was running has just cleared its work away itself
        for draft in directory.glob(f"work/*/{VERSION_DRAFT}*"):
            delete(draft)
        for place in ("", "trunks/**/", "features/**/", "work/**/"):
            for file in directory.glob(f"{place}{DRAFT}*"):
                file.unlink(missing_ok=True)


def clear_work(work_dir: Path) -> None:
    """Delete what a training leaves once its version is published, be it that of a pod that was slower."""
    if work_dir.exists():
        delete(work_dir)


def keep_only(directory: Path) -> Path:
    """Delete what lies beside `directory`, which need not be there, and return it."""
    for other in directory.parent.glob("*"):
        if other != directory:
            delete(other) if other.is_dir() else other.unlink(missing_ok=True)
    return directory


def clear_other_work(work_dir: Path) -> None:
    """Delete what trainings of other settings could go on with: an edit ended them, and nobody may come back.

    That of a network in training is 85 MB an epoch that is kept.
    """
    for other in work_dir.parent.glob("*"):
        if other != work_dir:
            delete(other)


def prune(storage: Path, model: str, versions: Iterable[int], kept_hash: str, champion: int | None) -> None:
    """Remove `versions` from the claim, those that are still there, and what an earlier removal left.

    Neither a version of `kept_hash` is removed nor the champion, whatever is asked for.
    """
    work = storage / model / "work"
    for leftover in work.glob(f"{_REMOVED}*"):
        delete(leftover)
    for version in versions:
        directory = version_dir(storage, model, version)
        if version == champion or _hash_of(directory) == kept_hash:
            _logger.warning("version kept that was to be removed", version=version)
        elif directory.exists():
            _note_removal(storage, model, version)
            _remove(directory, work)


def next_version(storage: Path, model: str) -> int:
    """Return the number of the next version: no number is given twice, also when its version is gone."""
    return max([*list_versions(storage, model), _highest_removed(storage, model)]) + 1


def _remove(directory: Path, work: Path) -> None:
    """Take a version out of sight by a rename, then delete it.

    Its new name is this pod's own, so that two pods that remove the same version do not meet. What can't
    be removed is no reason not to train: the inventory still has it, and the operator asks again.
    """
    work.mkdir(parents=True, exist_ok=True)
    out_of_sight = work / f"{_REMOVED}{directory.name}-{os.uname().nodename}"
    try:
        directory.rename(out_of_sight)
    except OSError as error:
        _logger.warning("version not removed", version=int(directory.name), error=str(error))
        return
    sync(directory.parent)
    delete(out_of_sight)
    _logger.info("version removed", version=int(directory.name))


def delete(directory: Path) -> None:
    """Delete what is out of sight; what resists (files open on a network file system) goes another time."""
    try:
        shutil.rmtree(directory)
    except OSError as error:
        _logger.warning("what is not needed is not deleted yet", path=str(directory), error=str(error))


def _hash_of(directory: Path) -> str | None:
    try:
        return read_metadata(directory).hash
    except VersionDamagedError:
        return None


def _note_removal(storage: Path, model: str, version: int) -> None:
    """Keep in mind that a number was given, unless a higher one says it: that takes no room on the claim."""
    if version >= next_version(storage, model) - 1:
        write_whole(storage / model / _HIGHEST_REMOVED, f"{version}\n".encode())


def _highest_removed(storage: Path, model: str) -> int:
    try:
        return int((storage / model / _HIGHEST_REMOVED).read_text())
    except FileNotFoundError:
        return 0
