"""Keeps on the claim what a trunk says of photos, so that no photo passes the same trunk twice.

A training that was interrupted goes on from there, and the next one, with other settings of the head or some
more photos, computes only what is new. Files appear whole and are named by their own digest, so that one that
is damaged is noticed, and two pods at once do no harm. They are arrays without objects: no code is loaded.
"""

import errno
import hashlib
import io
import resource
import shutil
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import structlog
from numpy.typing import NDArray

from catdog_common.artifact import Resampling, file_digest
from catdog_common.predictor import Trunk
from catdog_trainer.files import sync, write_whole
from catdog_trainer.near import HASH_WORDS, Hashes

ROWS = 1000  # photos a file: as many pass the trunk again at most where a training is interrupted
COMPARED = "compared"  # a folder beside those of trunks that serve: what those in float32 said of some photos
RESAMPLING = Resampling.HAMMING  # of all photos that a training sees, but for what a champion is asked
# Left free on the claim: features can be computed again, and versions are what it is for.
RESERVE_BYTES = 512 * 1024 * 1024

_NOT_OF_THE_FILE = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)  # errors that say nothing of what a file holds

_logger = structlog.get_logger(__name__)


def folder_of(trunk_digest: str) -> str:
    """Return the name of the folder of what this trunk said of photos that were resized as they are now."""
    return f"{trunk_digest.removeprefix('sha256:')[:16]}-{RESAMPLING}"


def allow_open_files() -> None:
    """Let the process have as many files open as it may.

    Each file of features that is mapped stays open. Some container runtimes leave the soft limit at 1,024,
    and each training on some more photos adds a file for each view.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Seen(NamedTuple):
    """What is known of a photo once it has passed a trunk."""

    features: NDArray[np.float32]  # [F]
    log_odds: float  # of ImageNet's pets; of a trunk without classes: no number
    hash: Hashes  # [4], of the picture


class FeatureStore:
    """What one trunk said of photos, by their digests; `get` may be called from any thread."""

    def __init__(
        self, directory: Path | None, width: int, rows: int = ROWS, reserve: int = RESERVE_BYTES
    ) -> None:
        """Open the store in `directory`, which need not be there, for so many features a photo.

        Without a directory all stays in memory.
        """
        self._directory, self.width = directory, width
        self._type = np.dtype(
            [
                ("digest", "u1", 32),
                ("features", "<f4", width),
                ("log_odds", "<f8"),
                ("hash", "<u8", HASH_WORDS),
            ]
        )
        self._rows_a_file, self._reserve = rows, reserve
        self._known: dict[bytes, np.void] = {}
        for array in self._read():
            self._know(array)
        self._new: list[tuple[bytes, Seen]] = []
        self._is_writable = True

    @classmethod
    def of(cls, directory: Path, trunk: Path) -> Self:
        """Open what is kept for this very trunk among those that have features in `directory`."""
        store = cls(directory / folder_of(file_digest(trunk)), Trunk(trunk, threads=1).width)
        _logger.info("features found", photos=len(store))
        return store

    def of_view(self, name: str) -> "FeatureStore":
        """Open what is kept of the same photos in another view, in a folder of that name."""
        directory = None if self._directory is None else self._directory / name
        return FeatureStore(directory, self.width, self._rows_a_file, self._reserve)

    def __len__(self) -> int:
        """Return how many photos were known when it was opened."""
        return len(self._known)

    def get(self, digest: str) -> Seen | None:
        """Return what is known of a photo, None where nothing is."""
        row = self._known.get(bytes.fromhex(digest))
        return None if row is None else _seen(row)

    def of_photo(self, digest: str) -> Seen:
        """Return what is known of a photo; what is new is known once the store is closed."""
        return _seen(self._known[bytes.fromhex(digest)])

    def add(self, digest: str, seen: Seen) -> None:
        """Take what a photo that was not known came to; some together are written to the claim."""
        self._new.append((bytes.fromhex(digest), seen))
        if len(self._new) == self._rows_a_file:
            self._flush()

    def close(self, wanted: Collection[str]) -> None:
        """Write what is not written yet; where most of what is kept is of photos not wanted, that goes."""
        self._flush()
        digests = [bytes.fromhex(digest) for digest in wanted]
        if self._is_writable and len(self._known) > 2 * len(digests):
            self._write_anew([self._known[digest] for digest in digests if digest in self._known])

    def forget(self) -> None:
        """Remove what is kept on the claim."""
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)

    def _flush(self) -> None:
        new, self._new = self._new, []
        if new:
            rows = [(np.frombuffer(digest, np.uint8), *seen) for digest, seen in new]
            self._know(self._kept(np.array(rows, self._type)))

    def _kept(self, rows: NDArray[np.void]) -> NDArray[np.void]:
        """Write rows, and return them as they lie on the disk, if they do: there they take no memory."""
        if (path := self._write(rows)) is not None:
            with suppress(FileNotFoundError):  # another pod has just written all anew
                return _mapped(path)
        return rows

    def _know(self, rows: NDArray[np.void]) -> None:
        self._known.update((row["digest"].tobytes(), row) for row in rows)

    def _write(self, array: NDArray[np.void]) -> Path | None:
        directory = self._directory
        if directory is None or not self._is_writable:
            return None
        content = io.BytesIO()
        np.save(content, array, allow_pickle=False)
        path = directory / f"{hashlib.sha256(content.getvalue()).hexdigest()}.npy"
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._check_room(directory)
            write_whole(path, content.getvalue())
            sync(directory)
        except OSError as error:
            self._is_writable = False
            _logger.warning("features are not kept; the next training computes them again", error=str(error))
            return None
        return path

    def _check_room(self, directory: Path) -> None:
        if shutil.disk_usage(directory).free < self._reserve:
            raise OSError("the claim has hardly any room left")

    def _write_anew(self, rows: list[np.void]) -> None:
        before = set(self._files())
        parts = [rows[start : start + self._rows_a_file] for start in range(0, len(rows), self._rows_a_file)]
        written = [self._write(np.array(part, self._type)) for part in parts]
        if None not in written:
            for path in before.difference(written):
                path.unlink(missing_ok=True)
            _logger.info("features of photos that are gone removed", kept=len(rows))

    def _files(self) -> list[Path]:
        return [] if self._directory is None else sorted(self._directory.glob("*.npy"))

    def _read(self) -> Iterator[NDArray[np.void]]:
        for path in self._files():
            try:
                yield self._load(path)
            except FileNotFoundError:  # another pod has just written all anew
                continue
            except (OSError, ValueError) as error:
                if isinstance(error, OSError) and error.errno in _NOT_OF_THE_FILE:
                    raise
                _logger.warning(
                    "features can't be used, and are computed again", file=path.name, error=str(error)
                )
                path.unlink(missing_ok=True)

    def _load(self, path: Path) -> NDArray[np.void]:
        """Return the rows of a file, which stay on the disk.

        Raises:
            OSError, ValueError: it is not what was written, or not of this trunk's shape.
        """
        if file_digest(path) != f"sha256:{path.stem}":
            raise ValueError("it is not what was written")
        rows = _mapped(path)
        if rows.dtype != self._type:
            raise ValueError(f"it has {rows.dtype}")
        return rows


def _mapped(path: Path) -> NDArray[np.void]:
    rows: NDArray[np.void] = np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    return rows


def _seen(row: np.void) -> Seen:
    return Seen(row["features"], float(row["log_odds"]), row["hash"])
