"""A worker that is a shadow: it answers into its own topic, compares, tells, and keeps to the present."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError, TopicAuthorizationFailedError

from catdog_common.messages import Answer, Model, Source, parse_answer
from catdog_common.shadow import ShadowReport
from catdog_inference.comparison import Comparison
from catdog_inference.shadow import Shadow
from catdog_inference.shadow_metrics import ShadowMetrics
from catdog_operator.progress import read_report
from tests.tiny_version import picture
from tests.unit.inference.conftest import Serving, Worker
from tests.unit.inference.fake_broker import Committed, FakeBroker, Refused, Taken

CHAMPIONS, SHADOWS = "pets-predictions", "pets-predictions-shadow"
CHAMPION, CHALLENGER = 7, 1


def champion_says(broker: FakeBroker, offset: int, label: str) -> None:
    """Let the champion answer a record."""
    model_says(broker, "pets", broker.input_topic, offset, label)


def model_says(broker: FakeBroker, name: str, input_topic: str, offset: int, label: str) -> None:
    """Let a model answer a record of a topic, into that of the champion's answers."""
    place = Source(input_topic, 0, offset)
    answer = Answer(str(offset), label, {"cat": 0.75, "dog": 0.25}, Model(name, CHAMPION), place)
    broker.append(CHAMPIONS, 0, None, msgspec.json.encode(answer), ())


@asynccontextmanager
async def shadowing(serving: Serving, broker: FakeBroker, **settings: Any) -> AsyncIterator[Worker]:  # noqa: ANN401
    """Run a worker as a shadow, from its beginning on."""
    metrics = ShadowMetrics()
    shadow = Shadow(
        Comparison(CHALLENGER, metrics),
        lambda: broker.new_listener(CHAMPIONS),
        model_name="pets",
        input_topic=broker.input_topic,
        report_seconds=0.01,
        **settings,
    )
    topics = {"output_topic": SHADOWS, "champion_topic": CHAMPIONS}
    async with serving(broker, metrics=metrics, shadow=shadow, **topics) as worker:
        if broker.refuse_listening is None:
            await broker.until(lambda: len(broker.entries(Committed)) == broker.partitions)
        yield worker


async def reported(lines: list[Any], records: int) -> ShadowReport:
    """Return the first report that tells of so many records, as the operator reads it."""
    async with asyncio.timeout(60):
        while True:
            told = read_report("\n".join(msgspec.json.encode(line).decode() for line in lines))
            if told is not None and told.records >= records:
                return told
            await asyncio.sleep(0.01)


async def told(lines: list[Any], name: str, value: int) -> None:
    """Return when the last report tells this."""
    async with asyncio.timeout(60):
        while [each["shadow"].get(name, 0) for each in lines if "shadow" in each][-1:] != [value]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def comes_to(worker: Worker, name: str, value: float = 1, **labels: str) -> None:
    """Return when a metric of the worker has this value."""
    async with asyncio.timeout(60):
        while worker.sample(name, **labels) != value:  # noqa: ASYNC110 - nothing tells of a count
            await asyncio.sleep(0.01)


async def test_a_shadow_answers_into_its_own_topic_and_tells_how_it_compares(serving: Serving) -> None:
    broker = FakeBroker()
    with structlog.testing.capture_logs() as lines:
        async with shadowing(serving, broker) as worker:
            for colour in ("red", "blue", "red"):
                broker.put(picture(colour))
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
    async with shadowing(serving, broker):
        broker.put(picture("red"))
        await broker.all_committed()
    [answer] = broker.topic(SHADOWS)
    headers = dict(answer.headers)
    assert headers["ce_id"] == b"pets-images/0/0"
    assert headers["ce_source"] == b"/kafkas/kafka/my-cluster/catdogmodels/kafka/pets/shadow"


async def test_what_is_no_picture_is_counted_and_makes_no_dead_letter_nor_a_call(serving: Serving) -> None:
    broker = FakeBroker()
    with structlog.testing.capture_logs() as lines:
        async with shadowing(serving, broker) as worker:
            for _ in range(120):
                broker.put(b"no image")
            await broker.all_committed()
            assert worker.health.call() is None
            await comes_to(worker, "catdog_shadow_unreadable_total", 120, reason="NotAnImage")
            await told(lines, "unreadable", 120)
    assert broker.topic("pets-dead-letters") == []


async def test_nothing_new_is_not_told_again(serving: Serving) -> None:
    broker = FakeBroker()
    with structlog.testing.capture_logs() as lines:
        async with shadowing(serving, broker):
            await told(lines, "records", 0)
            await asyncio.sleep(0.2)  # in which it could be told again
    assert len([each for each in lines if "shadow" in each]) == 1, "that there is nothing yet"


async def test_what_else_lies_among_the_champions_answers_is_passed_over(serving: Serving) -> None:
    broker = FakeBroker()
    with structlog.testing.capture_logs() as lines:
        async with shadowing(serving, broker):
            broker.put(picture("red"))
            await broker.all_committed()
            for value in (None, b"", b"{}", b"no JSON"):
                broker.append(CHAMPIONS, 0, None, value, ())
            model_says(broker, "strays", broker.input_topic, 0, "dog")
            model_says(broker, "pets", "images-of-before", 0, "dog")
            champion_says(broker, 0, "cat")
            assert (await reported(lines, 1)).agreed == 1


async def test_a_shadow_begins_with_what_comes_from_then_on_whatever_its_group_has_committed(
    serving: Serving,
) -> None:
    broker = FakeBroker(partitions=1)
    for _ in range(9):
        broker.put(picture("red"))
    broker.committed[TopicPartition(broker.input_topic, 0)] = 3
    async with shadowing(serving, broker) as worker:
        champion_says(broker, 4, "cat")
        broker.put(picture("blue"))
        await broker.all_committed()
        champion_says(broker, 9, "dog")
        await comes_to(worker, "catdog_shadow_compared_total", champion="7", challenger="1")
    assert [parse_answer(each.value or b"").source.offset for each in broker.topic(SHADOWS)] == [9]
    assert worker.sample("catdog_shadow_skipped_total") == 0


async def test_a_shadow_that_falls_too_far_behind_goes_on_with_the_newest(serving: Serving) -> None:
    broker = FakeBroker(partitions=1)
    with structlog.testing.capture_logs() as lines:
        async with shadowing(serving, broker, most_behind=50) as worker:
            for _ in range(500):
                broker.put(picture("red"))
            await broker.all_committed()
            answered = len(broker.topic(SHADOWS))
            broker.put(picture("red"))
            await broker.all_committed()
            await told(lines, "skipped", 500 - answered)
    assert len(broker.topic(SHADOWS)) == answered + 1
    assert answered < 100
    assert worker.sample("catdog_shadow_skipped_total") == 500 - answered
    assert broker.entries(Committed)[-1].offsets == {0: 501}


async def test_nothing_is_left_out_while_records_are_in_flight(serving: Serving) -> None:
    broker = FakeBroker(partitions=1)
    async with shadowing(serving, broker, most_behind=50) as worker:
        broker.acknowledge.clear()
        broker.put(picture("red"))
        await broker.until(lambda: broker.entries(Taken))
        for _ in range(500):
            broker.put(picture("red"))
        await asyncio.sleep(0.5)
        assert worker.sample("catdog_shadow_skipped_total") == 0
        broker.acknowledge.set()
        await broker.all_committed()
        assert worker.sample("catdog_shadow_skipped_total") > 400
    committed = [each.offsets[0] for each in broker.entries(Committed)]
    assert committed == sorted(committed), "no commit goes back"


async def test_a_shadow_that_is_a_little_behind_leaves_nothing_out(serving: Serving) -> None:
    broker = FakeBroker(partitions=1)
    async with shadowing(serving, broker, most_behind=60):
        for _ in range(60):
            broker.put(picture("red"))
        await broker.all_committed()
    assert len(broker.topic(SHADOWS)) == 60


async def test_without_the_right_to_read_answers_it_says_so_and_tries_again(serving: Serving) -> None:
    broker = FakeBroker()
    broker.refuse_listening = TopicAuthorizationFailedError(CHAMPIONS)
    async with shadowing(serving, broker) as worker:
        worker.health.model_loaded = worker.health.joined = True
        await broker.until(lambda: len(broker.entries(Refused)) >= 2)
        assert CHAMPIONS in str(worker.health.unready_because)
        broker.refuse_listening = None
        await broker.until(lambda: broker.entries(Committed))
        broker.put(picture("red"))
        await broker.all_committed()
        champion_says(broker, 0, "cat")
        await comes_to(worker, "catdog_shadow_compared_total", champion="7", challenger="1")


async def test_where_nobody_tells_the_end_of_the_answers_it_says_so_and_tries_again(serving: Serving) -> None:
    broker = FakeBroker(leaderless=True)
    with structlog.testing.capture_logs() as lines:
        context = shadowing(serving, broker, connect_seconds=0.05)
        entering = asyncio.create_task(context.__aenter__())
        async with asyncio.timeout(60):
            while not any("was not told in time" in str(line.get("error")) for line in lines):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        broker.leaderless = False
        await entering  # which waits until it has begun
        await context.__aexit__(None, None, None)


async def test_what_the_champion_says_while_kafka_is_away_is_heard_afterwards(serving: Serving) -> None:
    broker = FakeBroker()
    async with shadowing(serving, broker) as worker:
        broker.put(picture("red"))
        await broker.all_committed()
        broker.refuse_listening = KafkaConnectionError("nobody answers")
        await broker.until(lambda: broker.entries(Refused))
        champion_says(broker, 0, "cat")
        broker.refuse_listening = None
        await comes_to(worker, "catdog_shadow_compared_total", champion="7", challenger="1")


@pytest.mark.parametrize("name", ["catdog_answers_total", "catdog_lag_records", "catdog_model_version"])
async def test_a_shadow_has_no_metric_that_a_worker_has(serving: Serving, name: str) -> None:
    broker = FakeBroker()
    async with shadowing(serving, broker) as worker:
        broker.put(picture("red"))
        await broker.all_committed()
        shown = {sample.name for each in worker.metrics.registry.collect() for sample in each.samples}
    assert name not in shown
    assert "catdog_shadow_answers_total" in shown
