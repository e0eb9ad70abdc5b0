"""What takes long is made once and kept, keyed by the content that it was made from."""

import fcntl
import hashlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]

_KEY_LENGTH = 12
_KEPT_VERSIONS = 2


@dataclass(frozen=True)
class Cache:
    """A directory outside the checkout."""

    root: Path

    def keep(self, name: str, key: str, what: str, make: Callable[[Path], None]) -> Path:
        """Return the path of `name` with this key; where it is not there, `make` it.

        A make that is killed leaves nothing that counts as made, and two at once wait for each other.
        """
        path = self.root / name / key
        if path.exists():
            os.utime(path)
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path.parent / ".lock"):
            if not path.exists():
                partial = path.parent / ".partial"
                remove(partial)
                with progress(what):
                    make(partial)
                partial.rename(path)
                _forget_older(path.parent)
        return path

    def working_directory(self, name: str) -> Path:
        """Return a directory for what helps to make `name`, and survives an attempt that was killed."""
        path = self.root / "work" / name
        path.mkdir(parents=True, exist_ok=True)
        return path


def default_cache() -> Cache:
    """Return the cache that the environment names: CATDOG_CACHE, else the person's cache directory."""
    parent = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Cache(Path(os.environ.get("CATDOG_CACHE") or parent / "catdog").absolute())


@contextmanager
def progress(what: str) -> Iterator[None]:
    """Say on the terminal what is begun, and how long it took."""
    say(f"· {what} ...")
    started = time.monotonic()
    yield
    say(f"✓ {what}: {time.monotonic() - started:.0f} s")


def say(line: str) -> None:
    """Print a line of progress: to standard error, for standard output is the answer of `env`."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a file, which ends with the process if nothing else ends it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def digest_of(paths: Iterable[Path], *words: str) -> str:
    """Return the key of files and directories (names in the repository, contents, modes) and of words."""
    digest = hashlib.sha256()
    for word in words:
        digest.update(f"{word}\0".encode())
    for file in sorted(file for path in paths for file in files_of(path)):
        mode = "x" if os.access(file, os.X_OK) else "-"
        digest.update(f"{file.relative_to(REPOSITORY)}\0{mode}\0".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:_KEY_LENGTH]


def files_of(path: Path) -> list[Path]:
    """Return the files that are or lie under a path, without what Python leaves beside its sources."""
    if path.is_file():
        return [path]
    found = [file for file in path.rglob("*") if file.is_file() and "__pycache__" not in file.parts]
    if not found:
        raise FileNotFoundError(path)
    return found


def remove(path: Path) -> None:
    """Remove a file or a directory, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _forget_older(directory: Path) -> None:
    made = [path for path in directory.iterdir() if not path.name.startswith(".")]
    for path in sorted(made, key=lambda path: path.stat().st_mtime)[:-_KEPT_VERSIONS]:
        remove(path)
