"""Answers a photo by any version of a model, computed here by the version's own files."""

from typing import Protocol

from catdog_client.comparing import VersionAnswer
from catdog_client.version_files import Published


class VersionFiles(Protocol):
    """Where a version's files come from."""

    async def read(self, published: Published, name: str) -> bytes:
        """Return a file of a version, or its manifest.json, checked by its digest.

        Raises:
            ClientError: it can't be had; the message says why.
        """
        ...


class Predictors:
    """Versions ready to answer; few are kept at a time."""

    async def answer(self, published: Published, files: VersionFiles, photo: bytes) -> VersionAnswer:
        """Return what a version answers to a photo.

        Raises:
            ClientError: the version's files can't be had or are damaged, or the photo is no picture (which
                the message says as a dead letter would).
        """
        raise NotImplementedError
