"""A version answers live records in the shadow of the one that serves, which does not feel it."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from time import time
from typing import Any

import pytest
import pytest_asyncio

from catdog_common.artifact import TRUNK_FILE, Head, version_dir
from catdog_common.messages import Answer, parse_answer
from tests.cluster.cache import REPOSITORY
from tests.cluster.instance import Instance
from tests.e2e.claims import SAMPLE_HASH, make_claim
from tests.e2e.failures.rows import described
from tests.e2e.kafka import records_in, settings
from tests.e2e.models import NAMESPACE, Model, Status, condition
from tests.e2e.processes import process_in_pod
from tests.e2e.serving.books import Books, open_books
from tests.e2e.serving.scene import metric
from tests.e2e.sizes import Topics
from tests.e2e.strimzi import eventually
from tests.e2e.test_autoscaling import page_of
from tests.howto import run_section
from tests.reference import documented_metrics, shown_metrics
from tests.tiny_version import RED_IS_CAT, picture, publish_tiny_version

HOWTO = REPOSITORY / "docs" / "how-to" / "shadow.md"
NAME = "pets"  # as the how-to has it
SHADOWS = f"{NAME}-predictions-shadow"
ALL_ARE_CATS = Head(weights=RED_IS_CAT.weights, bias=(10.0, -10.0))  # blue ones less surely
HEADS = {1: RED_IS_CAT, 2: ALL_ARE_CATS, 3: ALL_ARE_CATS}
DAMAGED = 3
RED, BLUE = picture("red"), picture("blue")
HEAVY = [picture("red", (800, 800), "PNG")] * 150  # ten milliseconds and more to decode
STEADY, PER_SECOND = 60, 20
ENOUGH = 30  # records, of which two of three are red whichever the first is
MEASUREMENTS = 3  # at most, of a pace: the machine may be busy with other things for a moment


@pytest.fixture(scope="module")
def model(cluster: Instance) -> Iterator[Model]:
    """Give a model of three versions, of which one worker serves the first, and the third is damaged."""
    model = Model(cluster, NAME)
    take_away(model)
    directory = make_claim(cluster, NAME, fill=publish)
    model.apply(
        {
            "training": {"dataset": {"sample": {}}},
            "storage": {"existingClaim": NAME},
            "inference": {"modelVersion": 1},
            "kafka": {"strimzi": {"name": "my-cluster"}},
        }
    )
    model.await_ready(version=1)
    (version_dir(directory, NAME, DAMAGED) / TRUNK_FILE).write_bytes(b"no trunk")
    yield model
    take_away(model)


def take_away(model: Model) -> None:
    """Remove the model and all that it leaves."""
    model.delete()
    model.cluster.kubectl("delete", "kafkatopic", "-n", NAMESPACE, "-l", f"catdog.dev/model={NAME}")
    model.cluster.kubectl("delete", "pvc", NAME, "-n", NAMESPACE, "--ignore-not-found")


def follow(model: Model, section: str) -> None:
    """Do what the how-to says under a heading, at the top of the checkout."""
    run_section(HOWTO, section, REPOSITORY, model.cluster.environment())


def publish(directory: Path) -> None:
    for version, head in HEADS.items():
        publish_tiny_version(directory, NAME, version, head, training_hash=SAMPLE_HASH)
    for path in directory.rglob("*"):
        path.chmod(0o2775 if path.is_dir() else 0o664)


@pytest.fixture
def alone(model: Model) -> Iterator[Model]:
    """Give the model without a shadow, before and after."""
    leave_alone(model)
    yield model
    leave_alone(model)


def leave_alone(model: Model) -> None:
    model.patch({"inference": {"shadowVersion": None, "modelVersion": 1}})
    model.await_status(lambda status: not condition(status, "Shadow")[0], "there is no word of a shadow")
    wait = ("-l", f"catdog.dev/model={NAME},app.kubernetes.io/component=shadow", "--for=delete")
    model.cluster.kubectl("wait", "deployment,pod", "-n", NAMESPACE, *wait, "--timeout=240s")
    model.await_ready(version=1)


@pytest_asyncio.fixture
async def books(cluster: Instance, alone: Model) -> AsyncIterator[Books]:
    """Give the books of what is sent to the model."""
    async with open_books(Topics(settings(cluster), alone.name)) as opened:
        yield opened


@dataclass(frozen=True)
class Champion:
    """The worker that serves, as it was at a moment; whatever happens to its shadow, it stays as it is."""

    restarts: dict[str, int]
    assigned: int  # times that it was given partitions


async def champion_of(model: Model) -> Champion:
    """Return the worker as it is now."""
    restarts, [worker] = await asyncio.to_thread(model.restarts), await asyncio.to_thread(model.workers)
    log = await asyncio.to_thread(
        model.cluster.kubectl, "logs", worker["metadata"]["name"], "-n", model.namespace
    )
    return Champion(restarts, log.count("partitions assigned"))


async def is_untouched(model: Model, before: Champion, books: Books) -> bool:
    """Whether nothing has befallen the worker since, but what a machine that stood still does to all."""
    now = await champion_of(model)
    return now == before or (books.machine_stalled and now.restarts == before.restarts)


def shadow_pods(model: Model) -> list[dict[str, Any]]:
    """Return the pods of the shadow."""
    return [
        pod
        for pod in model.children("pods")
        if pod["metadata"]["labels"]["app.kubernetes.io/component"] == "shadow"
    ]


async def put_in_shadow(model: Model) -> dict[str, Any]:
    """Have version 2 answer as a shadow, and return its pod once it does."""
    await asyncio.to_thread(follow, model, "Put a version into the shadow")
    said = f"version 2 answers beside what serves, into topic {SHADOWS}"
    assert condition(await asyncio.to_thread(model.status), "Shadow") == ("True", "Shadowing", said)
    [pod] = await asyncio.to_thread(shadow_pods, model)
    return pod


@asynccontextmanager
async def traffic(books: Books) -> AsyncIterator[None]:
    """Send red and blue pictures, and now and then what is none, while the context lasts."""
    stop = asyncio.Event()

    async def send() -> None:
        while not stop.is_set():
            await books.send([RED, BLUE, RED, b"no image"])
            await asyncio.sleep(0.2)  # the pace

    sending = asyncio.create_task(send())
    try:
        yield
    finally:
        stop.set()
        await sending


async def test_what_is_told_of_a_shadow_is_what_the_two_topics_say(
    model: Model, books: Books, figures: list[str]
) -> None:
    before = await champion_of(model)
    async with traffic(books):
        await books.await_outcomes(8)
        pod = await put_in_shadow(model)
        await eventually(partial(has_compared, pod, ENOUGH), "the shadow has answered some")
    await settled(model, books, pod)
    expected, agreed = what_the_topics_say(
        await answers_in(model, f"{NAME}-predictions", books), await answers_in(model, SHADOWS, books)
    )
    status = await asyncio.to_thread(
        model.await_status, lambda status: tells(status, expected), f"the status tells {expected}"
    )
    await asyncio.to_thread(follow, model, "See how it does")
    assert 0.5 < status["inference"]["shadow"]["agreement"] < 0.8, "two of three are red"
    page = await page_of(pod)
    assert shown_metrics(page).keys() >= documented_metrics("Shadows").keys()
    for name, value in (("compared", expected["records"]), ("agreed", agreed), ("skipped", 0)):
        await eventually(partial(has_counted, pod, name, value), f"{value} records are {name}")
    figures.append(f"a shadow beside version 1: {expected}")
    books.check()
    assert books.again_by_fault == 0
    assert await is_untouched(model, before, books), "no restart, and no partition was given anew"
    await asyncio.to_thread(leave_alone, model)
    assert "shadow" not in (await asyncio.to_thread(model.status))["inference"]
    topics = await asyncio.to_thread(model.children, "kafkatopics")
    assert SHADOWS in {each["metadata"]["name"] for each in topics}
    assert await is_untouched(model, before, books)


async def has_counted(pod: dict[str, Any], name: str, value: float) -> bool:
    """Whether a shadow says so of a count."""
    return await metric(pod, f"catdog_shadow_{name}") == value


async def has_compared(pod: dict[str, Any], records: int) -> bool:
    """Whether a shadow has held so many of its answers to the champion's."""
    return (await metric(pod, "catdog_shadow_compared") or 0) >= records


async def settled(model: Model, books: Books, pod: dict[str, Any]) -> None:
    """Return when champion and shadow have answered all that there is for them."""
    workers = await asyncio.to_thread(model.workers)

    async def holds() -> bool:
        flying = [await metric(workers[0], "catdog_in_flight_records")]
        flying += [await metric(pod, f"catdog_shadow_{name}_records") for name in ("in_flight", "lag")]
        at_rest = all(count == 0 for count in flying)
        return not books.open and at_rest and await books.are_up_to_date()

    await eventually(holds, "all is answered by both")


async def answers_in(model: Model, topic: str, books: Books) -> dict[str, Answer]:
    """Return the first answer to each record of the books, by its `ce_id`; all are of one source."""
    found, sent = dict[str, Answer](), set(books.sent.values())
    sources = set[bytes]()
    for record in await records_in(model.cluster, topic):
        headers = dict(record.headers)
        sources.add(headers["ce_source"])
        if (place := headers["ce_id"].decode()) in sent:
            found.setdefault(place, parse_answer(record.value))
    assert len(sources) == 1
    assert sources.pop().endswith(b"/shadow") == (topic == SHADOWS)
    return found


def what_the_topics_say(champion: dict[str, Answer], shadow: dict[str, Answer]) -> tuple[Status, int]:
    """Return what the status has to say, and how often both agreed."""
    assert shadow.keys() <= champion.keys(), "the champion has answered all of it too"
    assert {each.model.version for each in shadow.values()} == {2}
    assert len(shadow) >= ENOUGH
    agreed = sum(answer.label == champion[place].label for place, answer in shadow.items())
    of_both = [champion[place] for place in shadow]
    told = {
        "version": 2,
        "championVersion": 1,
        "records": len(shadow),
        "agreement": round(agreed / len(shadow), 4),
        "meanConfidence": mean_confidence(list(shadow.values())),
        "championMeanConfidence": mean_confidence(of_both),
    }
    return told, agreed


def mean_confidence(answers: list[Answer]) -> float:
    """Return the mean of the highest probabilities."""
    return round(sum(max(each.probabilities.values()) for each in answers) / len(answers), 4)


def tells(status: Status, expected: Status) -> bool:
    """Whether the status says this of the shadow, and of nothing that was left out."""
    told = status["inference"].get("shadow", {})
    others = {name: told.get(name, 0) for name in ("unmatched", "skipped")}
    return expected.items() <= told.items() and others == {"unmatched": 0, "skipped": 0}


@dataclass(frozen=True)
class Pace:
    """How a model answers: pictures a second of many, and the latencies of few, in seconds."""

    rate: float
    latencies: list[float]

    @property
    def words(self) -> str:
        """The same for people."""
        late = quantiles(self.latencies, n=20)[-1]
        middle = median(self.latencies)
        return f"{self.rate:.0f}/s, latency {1000 * middle:.0f} ms, of 95 in 100 under {1000 * late:.0f} ms"

    def is_as(self, other: "Pace") -> bool:
        """Whether it is not slower by more than what else a machine does makes it."""
        late = 5 * median(other.latencies) + 0.5
        return self.rate > other.rate / 5 and median(self.latencies) < late


async def pace_of(books: Books) -> Pace:
    """Send many at once, and then a few in turn, and return how they were answered."""
    begun, many = time(), await books.send(HEAVY)
    await all_answered(books)
    rate = len(many) / (max(books.outcomes[name][0].at for name in many) - begun)
    sent = dict[str, float]()
    for _ in range(STEADY):
        now = time()
        [name] = await books.send([RED])
        sent[name] = now
        await asyncio.sleep(1 / PER_SECOND)  # the pace
    await all_answered(books)
    return Pace(rate, [books.outcomes[name][0].at - at for name, at in sent.items()])


async def pace_as(alone: Pace, books: Books) -> Pace:
    """Return how a model answers; where it is not as alone, it is measured again."""
    for _ in range(MEASUREMENTS - 1):
        if (pace := await pace_of(books)).is_as(alone):
            return pace
    return await pace_of(books)


async def all_answered(books: Books) -> None:
    """Return when the champion has answered all that was sent."""

    async def holds() -> bool:
        return not books.open

    await eventually(holds, "the champion has answered all")


async def test_whatever_befalls_a_shadow_the_champion_answers_as_without_one(
    model: Model, books: Books, figures: list[str], failures: list[str]
) -> None:
    before, alone = await champion_of(model), await pace_of(books)
    paces = {"alone": alone}
    pod = await put_in_shadow(model)
    paces["beside a shadow"] = await pace_as(alone, books)
    process = process_in_pod(pod["metadata"]["uid"], "python3")
    os.kill(process, signal.SIGSTOP)
    try:
        paces["while it is stopped"] = await pace_as(alone, books)
    finally:
        with suppress(ProcessLookupError):  # the kubelet has ended what does not answer
            os.kill(process, signal.SIGCONT)
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)
    paces["while it is killed and comes back"] = await pace_as(alone, books)
    await asyncio.to_thread(model.patch, {"inference": {"shadowVersion": DAMAGED}})
    status = await asyncio.to_thread(
        model.await_status,
        # Not as before, when it was killed.
        lambda status: (
            condition(status, "Shadow")[1] == "CrashLoopBackOff"
            and TRUNK_FILE in condition(status, "Shadow")[2]
        ),
        "the shadow ends again and again, as its version is damaged",
    )
    paces["while it crashes"] = await pace_as(alone, books)
    figures += [f"version 1 {when}: {pace.words}" for when, pace in paces.items()]
    failures.append(described("a shadow that is damaged", "Shadow", status, "after an edit: another version"))
    assert status["phase"] == "Serving"
    assert {condition(status, kind)[0] for kind in ("Ready", "Serving", "KafkaReady")} == {"True"}
    books.check()
    assert books.again_by_fault == 0, "nothing came twice"
    assert await is_untouched(model, before, books), "no restart, no rebalance"
    assert {when for when, pace in paces.items() if not pace.is_as(alone)} == set()


def test_a_shadow_can_come_to_serve(alone: Model) -> None:
    follow(alone, "Keep what serves")
    follow(alone, "Put a version into the shadow")
    alone.patch({"inference": {"modelVersion": None}, "promotion": {"policy": "Manual"}})
    status = alone.await_ready(version=1)
    assert condition(status, "Shadow")[:2] == ("True", "Shadowing")
    follow(alone, "Promote it")
    status = alone.await_ready(version=2)
    assert (condition(status, "Shadow"), status["history"][0]["reason"]) == (("", "", ""), "Pinned")
