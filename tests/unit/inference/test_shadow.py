"""A worker that is a shadow: it answers into its own topic, compares, tells, and keeps to the present."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import time
from typing import Any

import msgspec
import pytest
import structlog
from aiokafka import TopicPartition
from aiokafka.errors import TopicAuthorizationFailedError

from catdog_common.messages import Answer, Model, Source
from catdog_common.shadow import ShadowReport
from catdog_inference.comparison import Comparison
from catdog_inference.shadow import LOOK_BACK_SECONDS, Shadow
from catdog_inference.shadow_metrics import ShadowMetrics
from catdog_operator.progress import read_report
from tests.tiny_version import picture
from tests.unit.inference.conftest import Serving, Worker
from tests.unit.inference.fake_broker import Committed, FakeBroker, Joined, Refused, Taken

CHAMPIONS, SHADOWS = "pets-predictions", "pets-predictions-shadow"
CHAMPION, CHALLENGER = 7, 1
NOW = int(time() * 1000)


def champion_says(broker: FakeBroker, offset: int, label: str, at: int = NOW) -> None:
    """Let the champion answer a record."""
    place = Source(broker.input_topic, 0, offset)
    answer = Answer(str(offset), label, {"cat": 0.75, "dog": 0.25}, Model("pets", CHAMPION), place)
    broker.append(CHAMPIONS, 0, None, msgspec.json.encode(answer), (), at)


@asynccontextmanager
async def shadowing(serving: Serving, broker: FakeBroker, **settings: Any) -> AsyncIterator[Worker]:  # noqa: ANN401
    """Run a worker as a shadow."""
    metrics = ShadowMetrics()
    shadow = Shadow(
        Comparison(CHALLENGER, metrics),
        lambda: broker.new_listener(CHAMPIONS),
        report_seconds=0.01,
        **settings,
    )
    topics = {"output_topic": SHADOWS, "champion_topic": CHAMPIONS}
    async with serving(broker, metrics=metrics, shadow=shadow, **topics) as worker:
        yield worker


async def reported(lines: list[Any], records: int) -> ShadowReport:
    """Return the first report that tells of so many records, as the operator reads it."""
    async with asyncio.timeout(10):
        while True:
            told = read_report("\n".join(msgspec.json.encode(line).decode() for line in lines))
            if told is not None and told.records >= records:
                return told
            await asyncio.sleep(0.01)


async def comes_to(worker: Worker, name: str, value: float = 1, **labels: str) -> None:
    """Return when a metric of the worker has this value."""
    async with asyncio.timeout(10):
        while worker.sample(name, **labels) != value:  # noqa: ASYNC110 - nothing tells of a count
            await asyncio.sleep(0.01)


async def test_a_shadow_answers_into_its_own_topic_and_tells_how_it_compares(serving: Serving) -> None:
    broker = FakeBroker()
    for colour in ("red", "blue", "red"):
        broker.put(picture(colour))
    with structlog.testing.capture_logs() as lines:
        async with shadowing(serving, broker) as worker:
            await broker.all_committed()
            for offset, label in enumerate(("cat", "cat", "unknown")):
                champion_says(broker, offset, label)
            report = await reported(lines, 3)
    assert (report.version, report.champion_version) == (CHALLENGER, CHAMPION)
    assert (report.records, report.agreed, report.unmatched, report.skipped) == (3, 1, 0, 0)
    assert report.champion_confidence == 3 * 0.75
    pair = {"champion": "7", "challenger": "1"}
    assert worker.sample("catdog_shadow_compared_total", **pair) == 3
    assert worker.sample("catdog_shadow_agreed_total", **pair) == 1
    assert len(broker.topic(SHADOWS)) == 3
    assert len(broker.topic(CHAMPIONS)) == 3, "the champion's own"


async def test_its_answers_are_other_events_than_the_champions(serving: Serving) -> None:
    broker = FakeBroker()
    broker.put(picture("red"))
    async with shadowing(serving, broker):
        await broker.all_committed()
    [answer] = broker.topic(SHADOWS)
    headers = dict(answer.headers)
    assert headers["ce_id"] == b"pets-images/0/0"
    assert headers["ce_source"] == b"/kafkas/kafka/my-cluster/catdogmodels/kafka/pets/shadow"


async def test_what_is_no_picture_is_counted_and_makes_no_dead_letter_nor_a_call(serving: Serving) -> None:
    broker = FakeBroker()
    for _ in range(120):
        broker.put(b"no image")
    with structlog.testing.capture_logs() as lines:
        async with shadowing(serving, broker) as worker:
            await broker.all_committed()
            assert worker.health.call() is None
            await asyncio.sleep(0.1)
    told = [each["shadow"] for each in lines if "shadow" in each]
    assert told[-1]["unreadable"] == 120
    assert worker.sample("catdog_shadow_unreadable_total", reason="NotAnImage") == 120
    assert broker.topic("pets-dead-letters") == []


async def test_nothing_new_is_not_told_again(serving: Serving) -> None:
    broker = FakeBroker()
    with structlog.testing.capture_logs() as lines:
        async with shadowing(serving, broker):
            await broker.until(lambda: broker.entries(Joined))
            await asyncio.sleep(0.2)
    assert len([each for each in lines if "shadow" in each]) == 1, "that there is nothing yet"


async def test_what_else_lies_among_the_champions_answers_is_passed_over(serving: Serving) -> None:
    broker = FakeBroker()
    broker.put(picture("red"))
    with structlog.testing.capture_logs() as lines:
        async with shadowing(serving, broker):
            await broker.all_committed()
            for value in (None, b"", b"{}", b"no JSON"):
                broker.append(CHAMPIONS, 0, None, value, ())
            champion_says(broker, 0, "cat")
            assert (await reported(lines, 1)).agreed == 1


async def test_answers_that_the_champion_gave_just_before_count_too(serving: Serving) -> None:
    broker = FakeBroker()
    for _ in range(2):
        broker.put(picture("red"))
    champion_says(broker, 0, "cat", at=NOW - int(LOOK_BACK_SECONDS * 2000))
    champion_says(broker, 1, "cat", at=NOW - 1000)
    with structlog.testing.capture_logs() as lines:
        async with shadowing(serving, broker):
            await broker.all_committed()
            assert (await reported(lines, 1)).records == 1


async def test_a_shadow_that_is_too_far_behind_goes_on_with_the_newest(serving: Serving) -> None:
    broker = FakeBroker(partitions=1)
    for _ in range(500):
        broker.put(picture("red"))
    with structlog.testing.capture_logs() as lines:
        async with shadowing(serving, broker, most_behind=50) as worker:
            await broker.all_committed()
            answered = len(broker.topic(SHADOWS))
            broker.put(picture("red"))
            await broker.all_committed()
            await asyncio.sleep(0.1)
    assert len(broker.topic(SHADOWS)) == answered + 1
    assert answered < 100
    told = [each["shadow"] for each in lines if "shadow" in each]
    assert told[-1]["skipped"] == 500 - answered
    assert worker.sample("catdog_shadow_skipped_total") == 500 - answered
    assert broker.entries(Committed)[-1].offsets == {0: 501}


async def test_a_shadow_that_is_a_little_behind_leaves_nothing_out(serving: Serving) -> None:
    broker = FakeBroker(partitions=1)
    for _ in range(60):
        broker.put(picture("red"))
    async with shadowing(serving, broker, most_behind=60):
        await broker.all_committed()
    assert len(broker.topic(SHADOWS)) == 60


async def test_without_the_right_to_read_answers_it_says_so_and_tries_again(serving: Serving) -> None:
    broker = FakeBroker()
    broker.refuse_listening = TopicAuthorizationFailedError(CHAMPIONS)
    with structlog.testing.capture_logs() as lines:
        async with shadowing(serving, broker) as worker:
            worker.health.model_loaded = True
            await broker.until(lambda: len(broker.entries(Refused)) >= 2)
            assert CHAMPIONS in str(worker.health.unready_because)
            broker.refuse_listening = None
            broker.put(picture("red"))
            await broker.all_committed()
            champion_says(broker, 0, "cat")
            await reported(lines, 1)
    assert broker.committed[TopicPartition(broker.input_topic, 0)] == 1


@pytest.mark.parametrize("name", ["catdog_answers_total", "catdog_lag_records", "catdog_model_version"])
async def test_a_shadow_has_no_metric_that_a_worker_has(serving: Serving, name: str) -> None:
    broker = FakeBroker()
    broker.put(picture("red"))
    async with shadowing(serving, broker) as worker:
        await broker.until(lambda: broker.entries(Taken))
        await broker.all_committed()
        shown = {sample.name for each in worker.metrics.registry.collect() for sample in each.samples}
    assert name not in shown
    assert "catdog_shadow_answers_total" in shown
