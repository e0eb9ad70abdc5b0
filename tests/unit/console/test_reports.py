"""Files of versions, from a worker that runs, checked by digests, and kept in memory."""

import hashlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from catdog_client.errors import ClientError
from catdog_client.version_files import Published
from catdog_common.artifact import MANIFEST_FILE, write_manifest
from catdog_console.cluster import Key
from catdog_console.reports import Cache, Reports
from tests.tiny_version import publish_tiny_version
from tests.unit.console.builders import PETS


class Worker:
    """A worker that hands out the files of a folder under the digest of its manifest."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.digest = hashlib.sha256((directory / MANIFEST_FILE).read_bytes()).hexdigest()
        self.asked: list[str] = []
        self.address = ""

    async def hand_out(self, request: web.Request) -> web.Response:
        self.asked.append(request.match_info["file"])
        if request.match_info["digest"] != self.digest:
            raise web.HTTPNotFound
        return web.Response(body=(self.directory / request.match_info["file"]).read_bytes())

    @property
    def version(self) -> Published:
        return Published(1, f"sha256:{self.digest}")


@pytest.fixture
async def worker(tmp_path: Path) -> AsyncIterator[Worker]:
    directory = publish_tiny_version(tmp_path)
    (directory / "training.png").write_bytes(b"a picture")
    write_manifest(directory)
    worker = Worker(directory)
    app = web.Application()
    app.add_routes([web.get("/reports/{digest}/{file}", worker.hand_out)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    worker.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield worker
    await runner.cleanup()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def reports_of(session: aiohttp.ClientSession, *addresses: str) -> Reports:
    async def find(model: Key) -> Sequence[str]:
        assert model == PETS
        return addresses

    return Reports(session, find)


async def test_a_file_is_fetched_checked_and_asked_for_once(
    worker: Worker, session: aiohttp.ClientSession
) -> None:
    reports = reports_of(session, worker.address)
    assert set(await reports.files(PETS, worker.version)) == {"model.json", "training.png", "trunk.tflite"}
    for _ in range(3):
        assert await reports.read(PETS, worker.version, "training.png") == b"a picture"
    assert b"training.png" in await reports.read(PETS, worker.version, MANIFEST_FILE)
    assert worker.asked == [MANIFEST_FILE, "training.png"]


async def test_a_worker_that_is_away_is_passed_over(worker: Worker, session: aiohttp.ClientSession) -> None:
    reports = reports_of(session, "http://127.0.0.1:1", worker.address)
    assert await reports.read(PETS, worker.version, "training.png") == b"a picture"


@pytest.mark.parametrize("name", ["other.png", "../1/training.png", "a/b"])
async def test_only_files_that_the_manifest_names_are_asked_for(
    worker: Worker, session: aiohttp.ClientSession, name: str
) -> None:
    with pytest.raises(ClientError, match="version 1 of pets has no file"):
        await reports_of(session, worker.address).read(PETS, worker.version, name)
    assert worker.asked == [MANIFEST_FILE]


async def test_a_file_that_is_not_what_was_published_is_refused_and_not_kept(
    worker: Worker, session: aiohttp.ClientSession
) -> None:
    reports = reports_of(session, worker.address)
    (worker.directory / "training.png").write_bytes(b"another")
    for _ in range(2):
        with pytest.raises(ClientError, match=r"training\.png is not the file that was published"):
            await reports.read(PETS, worker.version, "training.png")
    assert worker.asked.count("training.png") == 2


async def test_a_manifest_that_is_not_what_the_status_says_is_refused(
    worker: Worker, session: aiohttp.ClientSession
) -> None:
    manifest = worker.directory / MANIFEST_FILE
    manifest.write_bytes(manifest.read_bytes() + b" ")
    reports = reports_of(session, worker.address)
    for read in (reports.files(PETS, worker.version), reports.read(PETS, worker.version, MANIFEST_FILE)):
        with pytest.raises(ClientError, match=r"manifest\.json is not the file that was published"):
            await read
    assert len(worker.asked) == 2, "it is not kept"


@pytest.mark.parametrize(
    ("addresses", "digest", "says"),
    [
        ((), "sha256:00", "no worker of pets runs"),
        (("http://127.0.0.1:1",), "sha256:00", "the worker does not answer"),
        ((), None, "the digest of version 1 is not known"),
    ],
)
async def test_what_cannot_be_had_names_another_way(
    session: aiohttp.ClientSession, addresses: tuple[str, ...], digest: str | None, says: str
) -> None:
    with pytest.raises(ClientError, match=says) as caught:
        await reports_of(session, *addresses).files(PETS, Published(1, digest))
    assert "`catdog plot pets 1 -n kafka` fetches them by another way" in str(caught.value)


async def test_a_version_that_the_worker_does_not_have_is_told(
    worker: Worker, session: aiohttp.ClientSession
) -> None:
    with pytest.raises(ClientError, match="the worker has no such file"):
        await reports_of(session, worker.address).files(PETS, Published(1, "sha256:" + "0" * 64))


def test_the_cache_forgets_what_was_asked_for_longest_ago() -> None:
    cache = Cache(10)
    cache.put("a", b"aaaa")
    cache.put("b", b"bbbb")
    assert cache.get("a") == b"aaaa"
    cache.put("c", b"cccc")
    assert [cache.get(each) for each in "abc"] == [b"aaaa", None, b"cccc"]
    cache.put("a", b"a")
    cache.put("d", b"dddd")
    assert [cache.get(each) for each in "acd"] == [b"a", b"cccc", b"dddd"]
    cache.put("huge", b"x" * 11)
    assert cache.get("huge") is None
    assert cache.get("d") == b"dddd", "what is too large displaces nothing"
