"""Fetches the files of a version from a worker of its model, and keeps the last ones in memory.

A worker hands out `/reports/<digest of manifest.json>/<file>`: who knows the digest may read the model's
status.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence

import aiohttp

from catdog_client.errors import ClientError
from catdog_client.version_files import Published, check_file, read_manifest
from catdog_common.artifact import MANIFEST_FILE
from catdog_console.cluster import Key

FILE_BYTES = 64 * 1024 * 1024  # more than any file of a version has
CACHE_BYTES = 64 * 1024 * 1024

_TIMEOUT = aiohttp.ClientTimeout(total=30, sock_connect=3)
_AT_ONCE = 4  # files that are fetched at the same time
_NOT_FOUND = 404

Find = Callable[[Key], Awaitable[Sequence[str]]]  # the addresses of a model's workers, http://host:port


class Cache:
    """Bytes by name; where they are too many in all, what was asked for longest ago goes."""

    def __init__(self, most: int) -> None:
        self._most, self._size = most, 0
        self._kept: OrderedDict[str, bytes] = OrderedDict()

    def get(self, name: str) -> bytes | None:
        """Return what is kept under a name."""
        if name in self._kept:
            self._kept.move_to_end(name)
        return self._kept.get(name)

    def put(self, name: str, content: bytes) -> None:
        """Keep bytes under a name, unless they alone are too many."""
        if len(content) > self._most:
            return
        self._size += len(content) - len(self._kept.pop(name, b""))
        self._kept[name] = content
        while self._size > self._most:
            self._size -= len(self._kept.popitem(last=False)[1])


class Reports:
    """The files of versions, each checked: by the version's manifest, and that by the model's status.

    Its methods raise a ClientError where a file can't be had; the message says why and what to do.
    """

    def __init__(self, session: aiohttp.ClientSession, find: Find, cache_bytes: int = CACHE_BYTES) -> None:
        self._session, self._find = session, find
        self._cache = Cache(cache_bytes)
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def files(self, model: Key, version: Published) -> Mapping[str, str]:
        """Return the digests of a version's files by their names."""
        return read_manifest(await self._fetch(model, version, MANIFEST_FILE, None), version)

    async def read(self, model: Key, version: Published, name: str) -> bytes:
        """Return a file of a version, or its manifest."""
        if name == MANIFEST_FILE:
            return await self._fetch(model, version, name, None)
        files = await self.files(model, version)
        if name not in files:
            raise ClientError(f"version {version.version} of {model.name} has no file {name!a}")
        return await self._fetch(model, version, name, files)

    async def _fetch(
        self, model: Key, version: Published, name: str, files: Mapping[str, str] | None
    ) -> bytes:
        if version.digest is None:
            raise ClientError(
                f"the digest of version {version.version} is not known to the operator, which did not see "
                f"its training, so no worker hands out its files: {_by_command(model, version)}"
            )
        kept_as = f"{version.digest}/{name}"
        async with self._slots:
            if (content := self._cache.get(kept_as)) is None:
                content = await self._ask_workers(model, version, name)
                if files is None:
                    read_manifest(content, version)
                else:
                    check_file(content, name, files, version)
                self._cache.put(kept_as, content)
        return content

    async def _ask_workers(self, model: Key, version: Published, name: str) -> bytes:
        """Return a file from the first worker that has it."""
        workers = await self._find(model)
        if not workers:
            raise ClientError(
                f"no worker of {model.name} runs, and workers hand out a version's files: "
                f"{_by_command(model, version)}"
            )
        complaint = ""
        for worker in workers:
            url = f"{worker}/reports/{(version.digest or '').removeprefix('sha256:')}/{name}"
            try:
                return await _get(self._session, url)
            except ClientError as error:
                complaint = str(error)
        raise ClientError(f"{complaint}: {_by_command(model, version)}")


async def _get(session: aiohttp.ClientSession, url: str) -> bytes:
    try:
        async with session.get(url, timeout=_TIMEOUT, allow_redirects=False) as answer:
            if answer.status == _NOT_FOUND:
                raise ClientError("the worker has no such file (one of an earlier release hands out none)")
            if answer.status != 200:
                raise ClientError(f"the worker hands out no file just now (HTTP status {answer.status})")
            content = bytearray()
            async for chunk in answer.content.iter_chunked(65536):
                content += chunk
                if len(content) > FILE_BYTES:
                    raise ClientError(f"the worker's file has more than {FILE_BYTES} bytes")
            return bytes(content)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise ClientError(f"the worker does not answer ({error or type(error).__name__})") from error


def _by_command(model: Key, version: Published) -> str:
    return f"`catdog plot {model.name} {version.version} -n {model.namespace}` fetches them by another way"
