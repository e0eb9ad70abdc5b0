"""Says when the claim for models is full, and what to do: a training that needs room is tried again later."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from catdog_trainer.data import DataError

CLAIM_FULL = "ClaimFull"  # a reason

_VERSION_MEBIBYTES = 64  # with less left a version finds no room, whatever was written before

_FULL = (errno.ENOSPC, errno.EDQUOT)


def check_room(storage: Path, mebibytes: int, work_dir: Path) -> None:
    """See that a training would find so much room before anything is read or computed for it.

    What it has in `work_dir` already, where it was interrupted, it needs no more room for.

    Raises:
        DataError: ClaimFull.
    """
    held = sum(file.stat().st_size for file in work_dir.rglob("*") if file.is_file())
    needed = max(_VERSION_MEBIBYTES, mebibytes - held // 2**20)
    if _is_full(storage, needed):
        raise _claim_full(storage, needed)


@contextmanager
def telling_when_full(storage: Path) -> Iterator[None]:
    """Tell a person that the claim is full where a write to it finds no room.

    Raises:
        DataError: ClaimFull, in place of an OSError.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL and (_is_about(error, storage) or _is_full(storage, _VERSION_MEBIBYTES)):
            raise _claim_full(storage, _VERSION_MEBIBYTES) from error
        raise


def _is_about(error: OSError, storage: Path) -> bool:
    """Return whether a file of the claim is named; another may be of the pod's scratch space."""
    names = (name for name in (error.filename, error.filename2) if isinstance(name, str))
    return any(Path(name).is_relative_to(storage) for name in names)


def _is_full(storage: Path, mebibytes: int) -> bool:
    found = os.statvfs(storage)
    has_no_files_left = found.f_files > 0 and found.f_favail == 0  # 0 of 0: it does not count them
    return _free(found) < mebibytes * 2**20 or has_no_files_left


def _free(found: os.statvfs_result) -> int:
    return found.f_bavail * found.f_frsize


def _claim_full(storage: Path, mebibytes: int) -> DataError:
    found = os.statvfs(storage)
    free, whole = _free(found) // 2**20, found.f_blocks * found.f_frsize // 2**20
    lacks = (
        f"and a new version may take {mebibytes} MiB"
        if free < mebibytes
        else "but it takes no more files, or a quota is reached"
    )
    return DataError(
        CLAIM_FULL,
        f"the claim for models is full: of {whole} MiB, {free} MiB are free, {lacks}; make the "
        "claim larger (its spec.resources.requests.storage, where its storage class allows that), "
        "or keep fewer versions by spec.storage.keepVersions",
    )
