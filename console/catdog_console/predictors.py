"""Answers a photo by any version of a model, computed here by the version's own files, as a worker would."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from typing import Protocol

from catdog_client.comparing import VersionAnswer, answer_photo
from catdog_client.errors import ClientError
from catdog_client.version_files import Published, check_file, read_manifest
from catdog_common.artifact import MANIFEST_FILE, MODEL_FILE, TRUNK_FILE, VersionDamagedError
from catdog_common.images import UnreadableImageError
from catdog_common.predictor import Predictor
from catdog_console.thumbnails import HELD_PIXELS

KEPT = 2  # versions, of some 15 to 60 MB each
_THREADS = 2  # for one photo


class VersionFiles(Protocol):
    """Where a version's files come from."""

    async def read(self, published: Published, name: str) -> bytes:
        """Return a file of a version, or its manifest.json.

        Raises:
            ClientError: it can't be had; the message says why.
        """
        ...


class Predictors:
    """Versions ready to answer, by their digests; those that were asked last are kept."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self.ready = OrderedDict[str, Predictor]()
        self._turn = asyncio.Lock()  # one is loaded, or computes, at a time: each takes memory and processors

    async def answer(self, published: Published, files: VersionFiles, photo: bytes) -> VersionAnswer:
        """Return what a version answers to a photo.

        Raises:
            ClientError: the version's files can't be had or are damaged, or the photo is no picture.
        """
        async with self._turn:
            predictor = await self._load(published, files)
            try:
                return await asyncio.to_thread(answer_photo, predictor, photo, HELD_PIXELS)
            except UnreadableImageError as error:
                raise ClientError(f"the console can't decode the photo: {error}") from error

    async def _load(self, published: Published, files: VersionFiles) -> Predictor:
        if published.digest is None:
            raise ClientError(f"the status names no digest of version {published.version}")
        if (known := self.ready.pop(published.digest, None)) is None:
            while len(self.ready) >= self._kept:
                self.ready.popitem(last=False)
            known = await _fetch(published, files)
        self.ready[published.digest] = known
        return known


async def _fetch(published: Published, files: VersionFiles) -> Predictor:
    digests = read_manifest(await files.read(published, MANIFEST_FILE), published)
    model, trunk = [await _read(published, files, digests, each) for each in (MODEL_FILE, TRUNK_FILE)]
    try:
        # Of their contents: the console's pod has no disk to write to.
        return await asyncio.to_thread(Predictor.of_contents, model, trunk, _THREADS)
    except VersionDamagedError as error:
        raise ClientError(f"version {published.version} is damaged: {error}") from error


async def _read(published: Published, files: VersionFiles, digests: Mapping[str, str], name: str) -> bytes:
    content = await files.read(published, name)
    check_file(content, name, digests, published)
    return content
