"""What one can see of a worker: how late and how sure it is, what is in flight and what lies before it."""

import asyncio
from time import time

import pytest
import structlog

from tests.tiny_version import picture
from tests.unit.inference.conftest import Serving, Worker
from tests.unit.inference.fake_broker import Committed, FakeBroker, Taken


def now() -> int:
    return int(time() * 1000)


def lag(worker: Worker) -> dict[str, float]:
    """Return the lag by partition, as a scrape has it."""
    [family] = [each for each in worker.metrics.registry.collect() if each.name == "catdog_lag_records"]
    return {sample.labels["partition"]: sample.value for sample in family.samples}


async def test_latency_is_from_the_time_stamp_to_the_acknowledgement(serving: Serving) -> None:
    broker = FakeBroker()
    broker.put(picture("red"), timestamp=now() - 40_000)
    broker.put(b"no image", timestamp=now() - 40_000)
    broker.acknowledge.clear()
    async with serving(broker) as worker:
        await broker.until(lambda: broker.entries(Taken))
        await asyncio.sleep(0.1)
        assert worker.sample("catdog_latency_seconds_count") == 0
        broker.acknowledge.set()
        await broker.all_committed()
    assert worker.sample("catdog_latency_seconds_count") == 2
    assert 80 <= worker.sample("catdog_latency_seconds_sum") < 90
    assert worker.sample("catdog_latency_seconds_bucket", le="30.0") == 0
    assert worker.sample("catdog_latency_seconds_bucket", le="60.0") == 2


async def test_a_producer_whose_clock_is_ahead_has_its_answer_in_no_time(serving: Serving) -> None:
    broker = FakeBroker()
    broker.put(picture("red"), timestamp=now() + 3_600_000)
    broker.put(picture("red"))  # without a time stamp, nothing is to be said
    async with serving(broker) as worker:
        await broker.all_committed()
    assert worker.sample("catdog_latency_seconds_count") == 1
    assert worker.sample("catdog_latency_seconds_sum") == 0
    assert worker.sample("catdog_latency_seconds_bucket", le="0.005") == 1


async def test_confidence_is_the_highest_probability_by_label(serving: Serving) -> None:
    broker = FakeBroker()
    for colour in ("red", "red", "blue"):
        broker.put(picture(colour))
    broker.put(b"no image")
    async with serving(broker) as worker:
        await broker.all_committed()
    for label, count in (("cat", 2), ("dog", 1)):
        assert worker.sample("catdog_confidence_count", label=label) == count
        assert 0.5 * count < worker.sample("catdog_confidence_sum", label=label) <= count
        assert worker.sample("catdog_confidence_bucket", label=label, le="0.5") == 0


async def test_what_is_in_flight_shows_until_it_is_committed(serving: Serving) -> None:
    broker, image = FakeBroker(), picture("red")
    broker.put(image)
    broker.put(image)
    broker.acknowledge.clear()
    async with serving(broker) as worker:
        await broker.until(lambda: broker.entries(Taken))
        assert worker.sample("catdog_in_flight_records") == 2
        assert worker.sample("catdog_in_flight_bytes") == 2 * len(image)
        broker.acknowledge.set()
        await broker.all_committed()
    assert worker.sample("catdog_in_flight_records") == 0
    assert worker.sample("catdog_in_flight_bytes") == 0


async def test_lag_is_what_is_not_committed_of_our_partitions(serving: Serving) -> None:
    broker = FakeBroker(partitions=3)
    for _ in range(20):
        broker.put(picture("red"))
    broker.put(picture("red"), partition=1)
    broker.acknowledge.clear()
    async with serving(broker, max_batch_size=2) as worker:
        await broker.until(lambda: sum(len(each.places) for each in broker.entries(Taken)) == 8)
        await asyncio.sleep(0)  # so that the worker has what it was handed
        assert lag(worker) == {"0": 20, "1": 1, "2": 0}, "of partition 1 no record was taken yet"
        broker.acknowledge.set()
        await broker.all_committed()
        broker.put(picture("red"), partition=2)
        await broker.all_committed()
        assert lag(worker) == {"0": 0, "1": 0, "2": 0}


async def test_partitions_that_went_to_another_worker_are_not_shown(serving: Serving) -> None:
    broker = FakeBroker()
    for partition in (0, 1):
        broker.put(picture("red"), partition=partition)
    async with serving(broker) as worker:
        await broker.all_committed()
        await broker.rebalance({1})
        broker.put(picture("red"), partition=1)
        await broker.all_committed()
        assert lag(worker) == {"1": 0}


async def test_lag_of_a_partition_that_comes_back_is_counted_from_where_others_left_it(
    serving: Serving,
) -> None:
    broker = FakeBroker()
    for _ in range(3):
        broker.put(picture("red"))
    async with serving(broker) as worker:
        await broker.all_committed()
        await broker.rebalance({1})
        for _ in range(3):
            broker.put(picture("red"))
        [there] = [tp for tp in broker.records if tp.partition == 0 and tp.topic == broker.input_topic]
        broker.committed[there] = 6  # by another worker
        await broker.rebalance({0, 1})
        broker.put(picture("red"), partition=1)
        await broker.until(lambda: broker.entries(Committed)[-1].offsets.get(1) == 1)
        assert lag(worker) == {"0": 0, "1": 0}


async def test_a_worker_without_a_consumer_shows_no_lag(serving: Serving) -> None:
    broker = FakeBroker()
    broker.put(picture("red"))
    async with serving(broker) as worker:
        await broker.all_committed()
    assert lag(worker) == {}


@pytest.mark.parametrize("value", [b"\xff\xd8\xffSECRET", b"SECRET", b"SECRET" * 100])
async def test_no_payload_gets_into_the_logs(serving: Serving, value: bytes) -> None:
    broker = FakeBroker()
    broker.put(value, key=b"SECRET", headers=(("id", b"SECRET"), ("SECRET", b"SECRET")))
    with structlog.testing.capture_logs() as lines:
        async with serving(broker, max_image_bytes=500):
            await broker.all_committed()
    assert lines
    assert "SECRET" not in str(lines)
