"""Fetches the files of a version that its manifest names, and checks that they are what was published."""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

import msgspec

from catdog_client.errors import ClientError
from catdog_common.artifact import MANIFEST_FILE
from catdog_common.parsing import parse_json

# A plain name: it can lead out of no folder, and is hidden in none.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,100}")


class Source(Protocol):
    """What lies below a model's folder."""

    def read(self, path: str) -> bytes:
        """Return a file's content.

        Raises:
            ClientError: it can't be read.
        """
        ...


class Published(msgspec.Struct, frozen=True):
    """A version, and the digest of its manifest, where the operator knows it."""

    version: int
    digest: str | None = None

    @property
    def directory(self) -> str:
        """Its folder below the model's."""
        return f"versions/{self.version}"


class _Manifest(msgspec.Struct, frozen=True):
    files: dict[str, str]  # name → sha256:<hex>


def fetch_version(
    source: Source, published: Published, directory: Path, wanted: Callable[[str], bool] = lambda _: True
) -> Iterator[Path]:
    """Put the files of a version whose names are wanted into `directory`, its manifest at last; yield each.

    What is there by these names is replaced, each file as a whole; what was fetched there of another version
    goes.

    Raises:
        ClientError: one can't be read or written, or is not what was published.
    """
    manifest = source.read(f"{published.directory}/{MANIFEST_FILE}")
    files = read_manifest(manifest, published)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name in sorted(filter(wanted, files)):
            content = source.read(f"{published.directory}/{name}")
            check_file(content, name, files, published)
            yield _write(directory / name, content)
        _remove_others(directory, files)
        yield _write(directory / MANIFEST_FILE, manifest)
    except OSError as error:
        raise ClientError(f"{error.filename or directory} can't be written: {error.strerror}") from error


def read_manifest(content: bytes, published: Published) -> dict[str, str]:
    """Return the digests of a version's files by their names.

    Raises:
        ClientError: it is not the one that was published, or names what is no plain file.
    """
    if published.digest not in (None, _digest(content)):
        raise ClientError(_damaged(published, f"{MANIFEST_FILE} is not the file that was published"))
    try:
        files = parse_json(content, _Manifest).files
    except msgspec.DecodeError as error:
        raise ClientError(_damaged(published, f"{MANIFEST_FILE}: {error}")) from error
    for name in files:
        if not _NAME.fullmatch(name) or name == MANIFEST_FILE:
            raise ClientError(_damaged(published, f"{MANIFEST_FILE} names {name!a}, which is no plain file"))
    return files


def check_file(content: bytes, name: str, files: Mapping[str, str], published: Published) -> None:
    """Refuse a file that is not the one that the version's manifest names.

    Raises:
        ClientError: it is not.
    """
    if _digest(content) != files.get(name):
        raise ClientError(_damaged(published, f"{name} is not the file that was published"))


def _write(file: Path, content: bytes) -> Path:
    partial = file.with_name(f".{file.name}.partial")
    partial.unlink(missing_ok=True)
    with partial.open("xb") as new:
        new.write(content)
    return partial.replace(file)


def _remove_others(directory: Path, files: Mapping[str, str]) -> None:
    """Remove files that are as an earlier manifest has them, and not as `files` has them."""
    try:
        fetched = parse_json((directory / MANIFEST_FILE).read_bytes(), _Manifest).files
    except (OSError, msgspec.DecodeError):  # none was fetched, or a person has put another there
        return
    for name, digest in fetched.items():
        file = directory / name
        if files.get(name) == digest or not _NAME.fullmatch(name) or not file.is_file():
            continue
        if _digest(file.read_bytes()) == digest:
            file.unlink()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _damaged(published: Published, why: str) -> str:
    return f"version {published.version} on the claim is damaged: {why}"
