"""Hands out the files of a model's versions to who can name the version's digest.

A capability: the digest of a version's manifest stands in the CatDogModel's status, and in the last words of
the pod that trained it; who may read these may read the version. Everybody else is told the same, whatever is
there.
"""

import asyncio
import hashlib
import os
import re
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from hmac import compare_digest
from pathlib import Path
from typing import BinaryIO, TypeVar

import msgspec
from aiohttp import web

from catdog_common.artifact import MANIFEST_FILE, list_versions, versions_dir
from catdog_common.parsing import parse_json

# Answering images comes first: so few files are read at a time, and whoever reads slowly is not waited for.
AT_ONCE = 2
PATIENCE_SECONDS = 60.0  # with one that reads
TURN_SECONDS = 5.0  # of waiting for one's turn
_CHUNK_BYTES = 256 * 1024
_LARGEST_MANIFEST = 1024 * 1024

_DIGEST = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,100}")  # a plain file's, which is hidden nowhere
# Never through a link, and a pipe would not be waited for.
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


_HEADERS = {"Content-Type": "application/octet-stream", "X-Content-Type-Options": "nosniff"}

T = TypeVar("T")


class _Manifest(msgspec.Struct, frozen=True):
    files: dict[str, str]


class VersionFiles:
    """The versions of one model on the claim, by the digests of their manifests."""

    def __init__(self, storage: Path, model: str) -> None:
        self._storage, self._model = storage, model

    def open(self, digest: str, name: str) -> BinaryIO | None:
        """Return a file that a version's manifest names, or the manifest, opened; None: there is none such.

        `digest` is the sha256 of the manifest, in hex digits.
        """
        if not (_DIGEST.fullmatch(digest) and _NAME.fullmatch(name)):
            return None
        try:
            return self._open(digest, name)
        except OSError:  # as it was just removed, say, or is a link
            return None

    def _open(self, digest: str, name: str) -> BinaryIO | None:
        for version in list_versions(self._storage, self._model):
            manifest = self._read_manifest(version)
            if manifest is None or not compare_digest(hashlib.sha256(manifest).hexdigest(), digest):
                continue
            return self._open_file(version, name) if name in _names(manifest) else None
        return None

    def _read_manifest(self, version: int) -> bytes | None:
        try:
            with self._open_file(version, MANIFEST_FILE) as file:
                return file.read(_LARGEST_MANIFEST)
        except OSError:
            return None

    def _open_file(self, version: int, name: str) -> BinaryIO:
        """Return a file of a version; each step down from the model's versions may be no link."""
        directory = os.open(versions_dir(self._storage, self._model), _FLAGS | os.O_DIRECTORY)
        try:
            folder = os.open(str(version), _FLAGS | os.O_DIRECTORY, dir_fd=directory)
        finally:
            os.close(directory)
        try:
            descriptor = os.open(name, _FLAGS, dir_fd=folder)
        finally:
            os.close(folder)
        if not _is_plain(descriptor):
            os.close(descriptor)
            raise FileNotFoundError(name)
        return os.fdopen(descriptor, "rb")


class Reports:
    """Answers `GET /reports/<digest>/<file>`."""

    def __init__(
        self, files: VersionFiles, *, patience: float = PATIENCE_SECONDS, turn: float = TURN_SECONDS
    ) -> None:
        self._files = files
        self._patience, self._turn = patience, turn
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._threads = ThreadPoolExecutor(AT_ONCE, "reports")  # none of those that answer images

    def close(self) -> None:
        """Read no more."""
        self._threads.shutdown(wait=False)  # files that are to be closed yet are

    async def hand_out(self, request: web.Request) -> web.StreamResponse:
        """Return a file, or that there is none; 503 where others are read just now."""
        try:
            async with asyncio.timeout(self._turn):
                await self._turns.acquire()
        except TimeoutError:
            return _busy()
        try:
            async with asyncio.timeout(self._patience):
                return await self._hand_out(request)
        except TimeoutError:
            if request.transport is not None:  # what was begun must not look whole
                request.transport.abort()
            return _busy()
        finally:
            self._turns.release()

    async def _hand_out(self, request: web.Request) -> web.StreamResponse:
        digest, name = request.match_info["digest"], request.match_info["file"]
        file = await self._in_a_thread(partial(self._files.open, digest, name))
        if file is None:
            return web.Response(status=404, text="there is no such file")
        try:
            return await self._send(request, file)
        finally:
            with suppress(RuntimeError):  # at the process's end, which closes it too
                self._threads.submit(file.close)  # it waits for a read that does not end

    async def _send(self, request: web.Request, file: BinaryIO) -> web.StreamResponse:
        size = await self._in_a_thread(lambda: os.fstat(file.fileno()).st_size)
        response = web.StreamResponse(headers=_HEADERS)
        response.content_length = size
        await response.prepare(request)
        while chunk := await self._in_a_thread(partial(file.read, _CHUNK_BYTES)):
            await response.write(chunk)
        await response.write_eof()
        return response

    async def _in_a_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def _busy() -> web.Response:
    return web.Response(status=503, headers={"Retry-After": "5"}, text="other files are read: try again")


def _is_plain(descriptor: int) -> bool:
    return stat.S_ISREG(os.fstat(descriptor).st_mode)


def _names(manifest: bytes) -> set[str]:
    try:
        return {MANIFEST_FILE, *parse_json(manifest, _Manifest).files}
    except msgspec.DecodeError:
        return {MANIFEST_FILE}
