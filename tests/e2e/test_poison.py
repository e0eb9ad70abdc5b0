"""Poison among good pictures, through a real Kafka: none is lost, none stops, slows or ends a worker."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from catdog_common.artifact import Resampling
from catdog_common.images import UnreadableImageError, decode_image
from catdog_common.messages import ERROR_CLASS_HEADER, ERROR_OFFSET_HEADER, ERROR_PARTITION_HEADER
from tests.bare.measuring import processor_seconds
from tests.cluster.instance import Instance
from tests.cluster.packages import CLIENT_PACKAGES, install_packages
from tests.cluster.waiting import PATIENCE_SECONDS
from tests.e2e.claims import claim_with_versions, served_from
from tests.e2e.kafka import Record, produce, settings
from tests.e2e.kafka_clients import consuming, producing
from tests.e2e.models import Model, condition
from tests.e2e.other_clients import Kcat
from tests.e2e.people import Person
from tests.e2e.processes import process_in_pod
from tests.e2e.sizes import Topics
from tests.e2e.strimzi import eventually
from tests.poison import mutated, originals, poison
from tests.tiny_version import SIDE, picture

NAME = "poisoned"
MUTANTS, SEED = 200, 6
GOOD = 300
IN_A_ROW = 150
MEASUREMENTS = 3  # at most: who waits for long, as for a busy machine, computes meanwhile too
BOMB_BYTES = 700_000_000  # of zeros: 22 kB of zstd; a worker may have 1 GiB
LARGE_BYTES, MANY = 30_000_000, 36  # together more than 1 GiB

pytestmark = pytest.mark.filterwarnings("ignore")  # as images.py has it


@pytest.fixture(scope="module")
def model(cluster: Instance) -> Iterator[Model]:
    """Give a model that one worker serves."""
    claim_with_versions(cluster, NAME, NAME)
    model = Model(cluster, NAME)
    model.apply(served_from(NAME, {"strimzi": {"name": "my-cluster"}}))
    model.await_ready(version=1)
    yield model
    model.delete()


@pytest.fixture
def topics(cluster: Instance, model: Model) -> Topics:
    """Give its topics, as the person at the host reaches them."""
    model.await_ready()
    return Topics(settings(cluster), NAME)


@dataclass(frozen=True)
class Outcomes:
    """What became of records, by their keys."""

    answers: Mapping[str, Record]
    dead_letters: Mapping[str, Record]


async def test_what_cannot_be_decoded_lies_among_the_dead_letters_and_all_else_is_answered(
    model: Model, topics: Topics, figures: list[str]
) -> None:
    before = await dead_letters_by_reason(model)
    bad = bad_images()
    sent = dict(interleaved(dict(pictures("mixed")), bad))
    mix = await outcomes_of(topics, sent)
    refused = {name: reason for name, data in bad.items() if (reason := why_refused(data))}
    assert mix.answers.keys() == sent.keys() - refused.keys()
    assert {name: record.value for name, record in mix.dead_letters.items()} == {
        name: sent[name] for name in refused
    }
    assert {name: reason_of(record) for name, record in mix.dead_letters.items()} == refused

    async def are_counted() -> bool:
        return await dead_letters_by_reason(model) - before == Counter(refused.values())

    await eventually(are_counted, "each is counted by its reason")  # which is after it was written
    assert list(model.restarts().values()) == [0]
    figures.append(f"poison: {len(refused)} of {len(sent)} records refused")


@pytest.mark.soak
async def test_bad_images_cost_a_worker_no_more_than_good_ones(
    model: Model, topics: Topics, figures: list[str]
) -> None:
    for turn in range(MEASUREMENTS):
        good = dict(pictures(f"alone {turn}"))
        bad = {f"bad {turn} {name}": data for name, data in bad_images().items()}
        computed_for_good = await computed_for(model, topics, good)
        computed_for_bad = await computed_for(model, topics, bad)
        if computed_for_bad < 2 * computed_for_good:
            break
    figures.append(
        f"poison: a worker computes {1000 * computed_for_bad:.1f} ms for a bad image, "
        f"{1000 * computed_for_good:.1f} ms for a good one"
    )
    assert computed_for_bad < 2 * computed_for_good


async def test_nothing_but_bad_images_is_told_until_a_picture_is_answered(
    model: Model, topics: Topics, failures: list[str]
) -> None:
    await outcomes_of(topics, {"a picture before": picture("red")})  # what was bad until now does not count
    await outcomes_of(topics, {f"text {number}": b"no picture" for number in range(IN_A_ROW)})
    said = f"100 records in a row of topic {topics.images} can't be decoded (NotAnImage 100)"
    status = await asyncio.to_thread(
        model.await_status,
        lambda status: told(status) == ("True", "OnlyBadImages") and condition(status, "Ready")[0] == "True",
        "it serves, and only bad images come",
    )
    message = condition(status, "Serving")[2]
    assert message.startswith("version 1 serves with its one replica ready, but pod ")
    assert said in message
    assert f"lie in topic {topics.dead_letters}; see what sends them" in message
    failures.append(
        f"nothing but bad images | Serving True | OnlyBadImages | {message} | by itself, at the next picture"
    )
    await outcomes_of(topics, {"a picture": picture("red")})
    await asyncio.to_thread(
        model.await_status, lambda status: told(status) == ("True", "Serving"), "it is over"
    )
    assert list(model.restarts().values()) == [0]


async def test_a_batch_that_unfolds_to_more_memory_than_a_worker_has_is_not_unfolded(
    model: Model, topics: Topics
) -> None:
    partition, offset = await topics.send(bytes(BOMB_BYTES), b"bomb", compression_type="zstd")
    await produce(model.cluster, topics.images, picture("red"), b"behind it", partition=partition)
    letter = await topics.first(
        topics.dead_letters, lambda record: position_of(record) == (partition, offset)
    )
    assert (reason_of(letter), letter.value) == ("TooManyBytes", b"")
    await topics.first(topics.answers, lambda record: record.key == b"behind it")
    assert list(model.restarts().values()) == [0]


async def test_many_batches_that_unfold_to_all_that_they_may_are_not_taken_together(
    model: Model, topics: Topics
) -> None:
    keys = {b"large %d" % number for number in range(MANY)}
    for key in keys:
        await topics.send(bytes(LARGE_BYTES), key, compression_type="zstd")

    def was_the_last(record: Record) -> bool:
        keys.discard(record.key)
        return not keys

    await topics.first(topics.dead_letters, was_the_last)
    assert list(model.restarts().values()) == [0]


async def test_a_header_whose_name_is_no_text_does_no_harm(
    cluster: Instance, model: Model, topics: Topics, tmp_path: Path
) -> None:
    install_packages(cluster.cache, CLIENT_PACKAGES)
    for name, data in (("red", picture("red")), ("text", b"no picture")):
        (tmp_path / name).write_bytes(data)
    somebody = Kcat(Person(Path(cluster.environment()["CATDOG_KAFKA_CA_DIR"]).parent))
    for name in ("red", "text"):
        key = f"{name}, headed"
        file = str(tmp_path / name)
        await asyncio.to_thread(somebody.produce, topics.images, "-k", key, "-H", "gr\udcf6\udcdfe=9", file)
    await topics.first(topics.answers, lambda record: record.key == b"red, headed")
    letter = await topics.first(topics.dead_letters, lambda record: record.key == b"text, headed")
    assert letter.headers[0] == ("gr\\xf6\\xdfe", b"9")
    assert list(model.restarts().values()) == [0]


def told(status: dict[str, Any]) -> tuple[str, str]:
    return condition(status, "Serving")[:2]


def pictures(name: str) -> Iterator[tuple[str, bytes]]:
    """Give good pictures of all formats, by a name of their own."""
    good = list(originals().values())
    return ((f"{name} {number}", good[number % len(good)]) for number in range(GOOD))


def bad_images() -> dict[str, bytes]:
    """Return the whole set, and mutated pictures; some of them can be decoded."""
    mutants = {f"mutated {number}": data for number, (_, data) in enumerate(mutated(MUTANTS, SEED))}
    return {name: data for name, (data, _) in poison().items()} | mutants


def interleaved(good: dict[str, bytes], bad: dict[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """Give all of both, evenly mixed."""
    waiting = iter(bad.items())
    for number, item in enumerate(good.items()):
        yield item
        if number * len(bad) // len(good) != (number + 1) * len(bad) // len(good):
            yield next(waiting)


def why_refused(data: bytes) -> str | None:
    """Return why a worker refuses this, None if it has a picture in it."""
    try:
        decode_image(data, SIDE, Resampling.HAMMING)
    except UnreadableImageError as error:
        return error.reason
    return None


def position_of(letter: Record) -> tuple[int, int]:
    """Return partition and offset of the record that a dead letter is of."""
    headers = dict(letter.headers)
    return int(headers[ERROR_PARTITION_HEADER]), int(headers[ERROR_OFFSET_HEADER])


def reason_of(letter: Record) -> str:
    """Return the reason in a dead letter's headers."""
    error: bytes = dict(letter.headers)[ERROR_CLASS_HEADER]
    return error.decode().removeprefix("UnreadableImageError.")


async def outcomes_of(topics: Topics, values: Mapping[str, bytes]) -> Outcomes:
    """Send these under their names as keys; return what became of them, each of which is one thing.

    Raises:
        TimeoutError: not of all of them within `PATIENCE_SECONDS`.
    """
    found: dict[str, dict[str, Record]] = {topics.answers: {}, topics.dead_letters: {}}
    async with (
        producing(**topics.connection, max_request_size=2**24) as producer,
        consuming(*found, **topics.connection, auto_offset_reset="earliest") as consumer,
        asyncio.timeout(PATIENCE_SECONDS),
    ):
        sendings = [
            await producer.send(topics.images, data, key=name.encode()) for name, data in values.items()
        ]
        await asyncio.gather(*sendings)
        while sum(map(len, found.values())) < len(values):
            record = await consumer.getone()
            if (name := record.key.decode()) in values:
                assert not any(name in each for each in found.values()), f"{name} came to two things"
                found[record.topic][name] = record
    return Outcomes(found[topics.answers], found[topics.dead_letters])


async def computed_for(model: Model, topics: Topics, values: Mapping[str, bytes]) -> float:
    """Return the processor's seconds that the one worker took for a record of these, in the mean."""
    # Not by the clock: what else the machine does would be measured too.
    [worker] = await asyncio.to_thread(model.workers)
    process = process_in_pod(worker["metadata"]["uid"], "python3")
    before = processor_seconds(process)
    await outcomes_of(topics, values)
    return (processor_seconds(process) - before) / len(values)


async def dead_letters_by_reason(model: Model) -> Counter[str]:
    """Return what the model's one worker has counted."""
    [worker] = await asyncio.to_thread(model.workers)
    address = f"http://{worker['status']['podIP']}:8080/metrics"
    async with aiohttp.ClientSession() as session, session.get(address) as page:
        families = text_string_to_metric_families(await page.text())
    samples = [sample for family in families for sample in family.samples]
    return Counter(
        {
            sample.labels["reason"]: int(sample.value)
            for sample in samples
            if sample.name == "catdog_dead_letters_total"
        }
    )
