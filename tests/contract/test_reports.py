"""What a worker hands out of a version, the console takes: by the real worker's server, over HTTP."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import aiohttp
import pytest

from catdog_client.errors import ClientError
from catdog_client.version_files import Published
from catdog_common.artifact import MANIFEST_FILE, file_digest, write_manifest
from catdog_console import workers
from catdog_console.cluster import Key
from catdog_console.reports import Reports
from catdog_inference.health import Health, serve_http
from catdog_inference.metrics import Metrics
from catdog_inference.reports import Reports as WorkersReports
from catdog_inference.reports import VersionFiles
from catdog_operator.manifests.pod import HTTP_PORT
from tests.cluster.operator_process import free_port
from tests.tiny_version import publish_tiny_version

PETS = Key("kafka", "pets")


@pytest.fixture
def version(tmp_path: Path) -> Path:
    """Give the folder of version 1 on a claim."""
    directory = publish_tiny_version(tmp_path)
    (directory / "training.png").write_bytes(b"a picture")
    write_manifest(directory)
    return directory


@pytest.fixture
async def reports(tmp_path: Path, version: Path) -> AsyncIterator[Reports]:
    """Give what the console reads of a worker that has this claim."""
    assert version.is_relative_to(tmp_path)
    port = free_port()

    async def find(_: Key) -> Sequence[str]:
        return [f"http://127.0.0.1:{port}"]

    handing_out = WorkersReports(VersionFiles(tmp_path, "pets"))
    async with (
        serve_http(Health(), Metrics(), handing_out, port),
        aiohttp.ClientSession() as session,
    ):
        yield Reports(session, find)


async def test_the_console_reads_every_file_of_a_version(reports: Reports, version: Path) -> None:
    published = Published(1, file_digest(version / MANIFEST_FILE))
    names = set(await reports.files(PETS, published))
    assert names == {"model.json", "training.png", "trunk.tflite"}
    for name in (*names, MANIFEST_FILE):
        assert await reports.read(PETS, published, name) == (version / name).read_bytes()


async def test_who_does_not_know_the_digest_is_given_nothing(reports: Reports) -> None:
    with pytest.raises(ClientError, match="the worker has no such file"):
        await reports.files(PETS, Published(1, "sha256:" + "0" * 64))


def test_the_console_asks_at_the_port_that_workers_listen_at() -> None:
    assert workers.HTTP_PORT == HTTP_PORT


def test_the_console_has_the_icon_of_the_operator() -> None:
    root = Path(__file__).parents[2]
    icon = root / "console" / "catdog_console" / "static" / "icon.svg"
    assert icon.read_bytes() == (root / "release" / "icon.svg").read_bytes()
