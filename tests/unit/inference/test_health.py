import socket
from pathlib import Path

import aiohttp
import pytest

from catdog_inference.health import PATIENCE_SECONDS, STUCK_SECONDS, Health, serve_http
from catdog_inference.metrics import Metrics
from catdog_inference.reports import Reports, VersionFiles
from catdog_inference.waiting import Trouble


class Clock:
    """A clock that stands still until it is told."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_a_worker_is_ready_once_its_model_is_loaded_and_its_group_joined() -> None:
    health = Health()
    assert health.unready_because == "the model is not loaded yet"
    health.model_loaded = True
    assert health.unready_because == "the consumer group is not joined yet"
    health.joined = True
    assert health.unready_because is None


def test_a_worker_that_kafka_refuses_is_not_ready_at_once_or_after_some_patience() -> None:
    clock = Clock()
    health, trouble = Health(clock), Trouble("no Kafka", clock)
    health.model_loaded = health.joined = True
    health.troubles = (Trouble("another", clock), trouble)
    trouble.again(OSError("refused"))
    assert health.unready_because == "no Kafka: refused"
    health.settled = True
    assert health.unready_because is None
    clock.now += PATIENCE_SECONDS
    assert health.unready_because == "no Kafka: refused"
    assert health.alive
    trouble.over()
    assert health.unready_because is None


def test_much_work_is_no_reason_to_restart_as_long_as_some_of_it_ends() -> None:
    clock = Clock()
    health = Health(clock)
    with health.working():
        for _ in range(3):
            with health.working():
                clock.now += STUCK_SECONDS - 1
            assert health.alive
        clock.now += STUCK_SECONDS
        assert not health.alive


def test_only_work_that_does_not_end_is_a_reason_to_restart() -> None:
    clock = Clock()
    health = Health(clock)
    clock.now += 10 * STUCK_SECONDS
    assert health.alive  # nothing to do, or no Kafka
    with health.working():
        clock.now += STUCK_SECONDS - 1
        assert health.alive
        clock.now += 2
        assert not health.alive
    assert health.alive


async def test_the_probes_ask_by_http(port: int, tmp_path: Path) -> None:
    clock, metrics = Clock(), Metrics()
    health = Health(clock)
    metrics.answers.labels("cat").inc()
    async with (
        serve_http(health, metrics, Reports(VersionFiles(tmp_path, "pets")), port),
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
    ):

        async def get(path: str) -> tuple[int, str]:
            async with session.get(path) as response:
                return response.status, await response.text()

        assert await get("/healthz") == (200, "ok")
        assert await get("/readyz") == (503, "the model is not loaded yet")
        health.model_loaded = health.joined = True
        assert await get("/readyz") == (200, "ok")
        status, text = await get("/metrics")
        assert status == 200
        assert 'catdog_answers_total{label="cat"} 1.0' in text
        with health.working():
            clock.now += STUCK_SECONDS
            assert await get("/healthz") == (503, "a batch does not end")
