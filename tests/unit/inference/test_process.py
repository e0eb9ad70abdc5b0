"""The worker as a process of its own, with no Kafka to talk to."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from catdog_common.artifact import VersionDamagedError
from catdog_common.environment import read_environment
from catdog_inference.__main__ import MOST_COPIES, load_predictor, trunk_copies
from catdog_inference.config import Config
from tests.tiny_version import publish_tiny_version
from tests.unit.common.test_kafka_security import write_pair

Process = asyncio.subprocess.Process


@pytest.fixture
def complete(tmp_path: Path, environment: dict[str, str]) -> dict[str, str]:
    """Return the environment of a worker whose files are all there."""
    publish_tiny_version(tmp_path / "models")
    write_pair(tmp_path / "ca", "ca")
    write_pair(tmp_path / "user", "user")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    return environment | {
        "CATDOG_STORAGE_DIR": str(tmp_path / "models"),
        "CATDOG_KAFKA_CA_DIR": str(tmp_path / "ca"),
        "CATDOG_KAFKA_USER_DIR": str(tmp_path / "user"),
        "CATDOG_HTTP_PORT": str(port),
    }


@asynccontextmanager
async def started(environment: dict[str, str]) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "catdog_inference",
        env={"PYTHONPATH": os.pathsep.join(sys.path), **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def output(process: Process) -> list[dict[str, object]]:
    async with asyncio.timeout(120):
        out, _ = await process.communicate()
    return [json.loads(line) for line in out.decode().splitlines()]


async def status(session: aiohttp.ClientSession, path: str) -> tuple[int, str]:
    async with session.get(path) as response:
        return response.status, await response.text()


async def test_a_missing_setting_ends_the_process_with_its_name(complete: dict[str, str]) -> None:
    del complete["CATDOG_MODEL_NAME"]
    async with started(complete) as process:
        [line] = await output(process)
    assert process.returncode == 1
    assert line["error"] == "the environment has no CATDOG_MODEL_NAME"


async def test_a_damaged_version_ends_the_process_with_the_file(
    complete: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "models/pets/versions/1/trunk.tflite").write_bytes(b"damaged")
    async with started(complete) as process:
        [line] = await output(process)
    assert process.returncode == 1
    assert "trunk.tflite is not the file that was published" in str(line["error"])


async def test_without_kafka_the_process_lives_is_not_ready_and_ends_on_sigterm(
    complete: dict[str, str],
) -> None:
    async with started(complete) as process, asyncio.timeout(120):
        assert process.stdout is not None
        lines = []
        async for line in process.stdout:
            lines.append(json.loads(line))
            if "tried again" in lines[-1]["event"]:
                break
        async with aiohttp.ClientSession(f"http://127.0.0.1:{complete['CATDOG_HTTP_PORT']}") as session:
            assert await status(session, "/healthz") == (200, "ok")
            assert await status(session, "/readyz") == (503, "the consumer group is not joined yet")
        process.send_signal(signal.SIGTERM)
        lines += await output(process)
    assert process.returncode == 0
    assert [line["event"] for line in lines].count("Kafka can't be used, and will be tried again") == 1


async def test_certificates_that_are_not_there_yet_are_waited_for(
    complete: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "user/user.crt").unlink()
    async with started(complete) as process, asyncio.timeout(120):
        assert process.stdout is not None
        async for line in process.stdout:
            if "user.crt is missing" in json.loads(line).get("error", ""):
                break
        process.send_signal(signal.SIGTERM)
        await output(process)
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("processors", "copies"), [(1, 1), (2, 2), (MOST_COPIES, MOST_COPIES), (64, MOST_COPIES)]
)
def test_there_is_a_copy_of_the_network_for_each_processor_but_not_without_bound(
    complete: dict[str, str], processors: int, copies: int
) -> None:
    config = read_environment(Config, complete)
    assert load_predictor(config, processors).trunk.copies == copies


@pytest.mark.parametrize(
    ("mebibytes", "processors", "copies"),
    [(5, 8, 8), (7, 8, 8), (18, 8, 3), (24, 8, 2), (24, 2, 2), (24, 1, 1), (100, 8, 1)],
)
def test_of_a_larger_network_in_float32_there_are_fewer_copies(
    tmp_path: Path, mebibytes: int, processors: int, copies: int
) -> None:
    trunk = tmp_path / "trunk.tflite"
    with trunk.open("wb") as file:
        file.truncate(mebibytes * 2**20)
    assert trunk_copies(trunk, processors) == copies


def test_a_version_without_a_network_is_damaged(tmp_path: Path) -> None:
    with pytest.raises(VersionDamagedError, match=r"trunk\.tflite"):
        trunk_copies(tmp_path / "trunk.tflite", 2)
