"""A version's files by the worker's port: for who can name its digest, and for nobody else."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import aiohttp
import pytest

from catdog_common.artifact import MANIFEST_FILE, file_digest, write_manifest
from catdog_inference.health import Health, serve_http
from catdog_inference.metrics import Metrics
from catdog_inference.reports import AT_ONCE, Reports, VersionFiles
from tests.cluster.operator_process import free_port

LARGE = os.urandom(3_000_000)


class Claim(NamedTuple):
    """A claim with a version of a model."""

    storage: Path
    directory: Path
    digest: str


@pytest.fixture
def claim(tmp_path: Path) -> Claim:
    return publish(tmp_path / "claim", 1)


def publish(storage: Path, version: int, model: str = "pets") -> Claim:
    directory = storage / model / "versions" / str(version)
    directory.mkdir(parents=True)
    (directory / "training.png").write_bytes(b"curves of %d" % version)
    (directory / "trunk.tflite").write_bytes(LARGE)
    return Claim(storage, directory, write_manifest(directory).removeprefix("sha256:"))


def digest_of(path: Path) -> str:
    return file_digest(path).removeprefix("sha256:")


@asynccontextmanager
async def serving(
    storage: Path, *, patience: float = 60.0, turn: float = 60.0
) -> AsyncIterator[aiohttp.ClientSession]:
    port = free_port()
    reports = Reports(VersionFiles(storage, "pets"), patience=patience, turn=turn)
    async with (
        serve_http(Health(), Metrics(), reports, port),
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
    ):
        yield session


async def get(session: aiohttp.ClientSession, path: str) -> tuple[int, bytes]:
    async with session.get(path) as response:
        return response.status, await response.read()


async def test_files_of_any_version_are_handed_out_to_who_names_its_digest(claim: Claim) -> None:
    second = publish(claim.storage, 2)
    async with serving(claim.storage) as session:
        assert await get(session, f"/reports/{claim.digest}/training.png") == (200, b"curves of 1")
        assert await get(session, f"/reports/{second.digest}/training.png") == (200, b"curves of 2")
        assert await get(session, f"/reports/{second.digest}/trunk.tflite") == (200, LARGE)
        manifest = (second.directory / MANIFEST_FILE).read_bytes()
        assert await get(session, f"/reports/{second.digest}/{MANIFEST_FILE}") == (200, manifest)


async def test_what_is_handed_out_is_nothing_that_a_browser_would_run(claim: Claim) -> None:
    async with (
        serving(claim.storage) as session,
        session.get(f"/reports/{claim.digest}/training.png") as response,
    ):
        assert response.headers["Content-Type"] == "application/octet-stream"
        assert response.headers["X-Content-Type-Options"] == "nosniff"


def _unlisted(claim: Claim) -> str:
    (claim.directory / "unlisted.txt").write_text("secret")
    return f"{claim.digest}/unlisted.txt"


def _linked(claim: Claim) -> str:
    (claim.directory / "training.png").unlink()
    (claim.directory / "training.png").symlink_to("/etc/hostname")
    return f"{claim.digest}/training.png"


def _piped(claim: Claim) -> str:
    (claim.directory / "training.png").unlink()
    os.mkfifo(claim.directory / "training.png")
    return f"{claim.digest}/training.png"


def _linked_version(claim: Claim) -> str:
    elsewhere = publish(claim.storage.parent / "elsewhere", 1)
    claim.directory.with_name("7").symlink_to(elsewhere.directory)
    (elsewhere.directory / MANIFEST_FILE).write_bytes(b'{"files": {"training.png": ""}}\n')
    return f"{digest_of(elsewhere.directory / MANIFEST_FILE)}/training.png"


def _gone(claim: Claim) -> str:
    (claim.directory / "training.png").unlink()
    return f"{claim.digest}/training.png"


def _other_model(claim: Claim) -> str:
    return f"{publish(claim.storage, 3, model='others').digest}/training.png"


def _without_manifest(claim: Claim, content: bytes = b"[") -> str:
    (claim.directory / MANIFEST_FILE).write_bytes(content)
    return f"{digest_of(claim.directory / MANIFEST_FILE)}/training.png"


REFUSED: dict[str, Callable[[Claim], str]] = {
    "another digest": lambda _: f"{'0' * 64}/training.png",
    "no digest": lambda _: "1/training.png",
    "a digest in capitals": lambda claim: f"{claim.digest.upper()}/training.png",
    "a part of the digest": lambda claim: f"{claim.digest[:63]}/training.png",
    "a name that the manifest lacks": _unlisted,
    "a way out": lambda claim: f"{claim.digest}/..%2F..%2F..%2Fothers",
    "a hidden name": lambda claim: f"{claim.digest}/.%2Ftraining.png",
    "a file that is a link": _linked,
    "a file that is a pipe": _piped,
    "a version that is a link": _linked_version,
    "a file that is gone": _gone,
    "another model's version": _other_model,
    "a manifest that is none": _without_manifest,
    "a manifest that is no text": lambda claim: _without_manifest(claim, b'{"files": {"\xff": ""}}'),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_everything_else_is_answered_alike(case: str, claim: Claim) -> None:
    path = REFUSED[case](claim)
    async with serving(claim.storage) as session:
        assert await get(session, f"/reports/{path}") == (404, b"there is no such file")


async def test_who_does_not_read_is_cut_off_and_others_have_their_turn(claim: Claim) -> None:
    (claim.directory / "trunk.tflite").write_bytes(os.urandom(64 * 2**20))  # more than sockets hold
    path = f"/reports/{claim.digest}/trunk.tflite"
    async with serving(claim.storage, patience=2.0) as session, AsyncExitStack() as stack:
        slow = [await stack.enter_async_context(session.get(path)) for _ in range(AT_ONCE)]
        assert (await get(session, f"/reports/{claim.digest}/training.png"))[0] == 200, "after their time"
        for response in slow:
            with pytest.raises(aiohttp.ClientPayloadError):
                await response.read()


async def test_while_others_read_one_is_told_to_come_again(claim: Claim) -> None:
    (claim.directory / "trunk.tflite").write_bytes(os.urandom(64 * 2**20))
    path = f"/reports/{claim.digest}/trunk.tflite"
    async with serving(claim.storage, turn=0.05) as session, AsyncExitStack() as stack:
        slow = [await stack.enter_async_context(session.get(path)) for _ in range(AT_ONCE)]
        async with session.get(f"/reports/{claim.digest}/training.png") as response:
            assert (response.status, response.headers["Retry-After"]) == (503, "5")
        for response in slow:
            response.close()
        async with asyncio.timeout(30):
            while (await get(session, f"/reports/{claim.digest}/training.png"))[0] == 503:
                pass
