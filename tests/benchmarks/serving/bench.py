"""The measurements: each starts a way's processes on a topic that is filled already, and counts answers."""

import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import msgspec

from catdog_common.artifact import version_dir
from catdog_common.processors import available_processors
from tests.benchmarks.serving.broker import Broker
from tests.benchmarks.serving.limit import reach
from tests.benchmarks.serving.processes import Snapshot, Taken, resident_megabytes
from tests.benchmarks.serving.topics import Answered, Topics
from tests.benchmarks.serving.ways import Way, environment_of, running
from tests.benchmarks.trainer import MODEL

WARM_UP_SECONDS = 3.0
_START_SECONDS = 120.0
_LONG_SECONDS = 1800.0
_LOOK_SECONDS = 0.2


class Rate(msgspec.Struct, frozen=True):
    """How fast a way answered in one run, and what it took."""

    per_second: float
    processor_milliseconds: float  # an answer, of the way's processes
    broker: float  # processors that the broker took
    others: float  # processors that whatever else runs here took
    peak_megabytes: float  # of the largest process

    @property
    def per_processor(self) -> float:
        """Answers a second by each processor that others left."""
        return self.per_second / (available_processors() - self.others)


class FirstAnswer(msgspec.Struct, frozen=True):
    """What a process took from its start to its first answer."""

    seconds: float
    megabytes: float


class BacklogTooShortError(Exception):
    """All records were answered before the measurement ended."""


@dataclass
class Bench:
    """One broker, one storage with a version, and a place for files."""

    broker: Broker
    topics: Topics
    storage: Path
    scratch: Path
    labels: dict[str, dict[str, str]] = field(default_factory=dict)  # by way, of each answer by its id
    _numbers: "count[int]" = field(default_factory=count)

    async def rate(self, way: Way, images: str, seconds: float) -> Rate:
        """Return how fast a way answers what lies in the topic `images`, after some warm-up.

        Raises:
            BacklogTooShortError: there was too little in it.
        """
        answers, environment = self._begin(images)
        with running(way, environment, self.scratch) as pids:
            await self._await_answers(answers, 1)
            await asyncio.sleep(WARM_UP_SECONDS)
            begin, answered = Snapshot.take(pids, self.broker.pid), self.topics.count(answers)
            await asyncio.sleep(seconds)
            end, answered = Snapshot.take(pids, self.broker.pid), self.topics.count(answers) - answered
            if self.topics.count(answers) >= self.topics.count(images):
                raise BacklogTooShortError(f"{way.name} answered all of {images}")
            peak = max(resident_megabytes(pid, peak=True) for pid in pids)
        taken, read = Taken.between(begin, end), self._end(answers)
        per_second = rate_of([each.at for each in read if begin.at <= each.at <= end.at], end.at - begin.at)
        self.labels.setdefault(way.name, {}).update({each.answer.id: each.answer.label for each in read})
        milliseconds = 1000 * taken.workers * (end.at - begin.at) / max(1, answered)
        return Rate(per_second, milliseconds, taken.broker, taken.others, peak)

    async def first_answer(self, way: Way, images: str) -> FirstAnswer:
        """Return what one process took to answer a record that waits for it."""
        answers, environment = self._begin(images)
        start = time.time()
        with running(way, environment, self.scratch) as [pid]:
            await self._await_answers(answers, 1)
            megabytes = resident_megabytes(pid, peak=True)
        return FirstAnswer(self._end(answers)[0].at - start, megabytes)

    async def peak_memory(self, way: Way, images: str) -> float:
        """Return the most megabytes that one process had resident in answering all that is in a topic."""
        answers, environment = self._begin(images)
        with running(way, environment, self.scratch) as [pid]:
            await self._await_answers(answers, self.topics.count(images), _LONG_SECONDS)
            peak = resident_megabytes(pid, peak=True)
        self._end(answers)
        return peak

    async def latencies(
        self, way: Way, pictures: Sequence[bytes], per_second: float, seconds: float
    ) -> list[float]:
        """Return seconds from the moment that each record was due, at a steady rate, to its answer."""
        images = f"steady-{next(self._numbers)}"
        self.topics.create(images)
        self.topics.fill(images, pictures, 100)
        answers, environment = self._begin(images)
        with running(way, environment, self.scratch):
            await self._await_answers(answers, 100)
            moments = await self.topics.send_steadily(images, pictures, per_second, seconds)
            await self._await_answers(answers, 100 + len(moments))
        answered = {each.answer.id: each.at for each in self._end(answers)}
        self.topics.delete(images)
        return [answered[f"steady/{number}"] - moment for number, moment in enumerate(moments)]

    def limit(self, pictures: Path, processes: int, threads: int, seconds: float) -> Rate:
        """Return how fast so many processes of so many threads decode and predict, without Kafka."""
        version, before = version_dir(self.storage, MODEL, 1), Snapshot.take([], self.broker.pid)
        reached = reach(version, pictures, processes, threads, seconds)
        taken = Taken.between(before, Snapshot.take([], self.broker.pid))
        photos, computed = sum(each.photos for each in reached), sum(each.computed for each in reached)
        others = max(0.0, taken.others - computed / max(each.seconds for each in reached))
        rate = sum(each.photos / each.seconds for each in reached)
        peak = max(each.peak_megabytes for each in reached)
        return Rate(rate, 1000 * computed / photos, taken.broker, others, peak)

    def _begin(self, images: str) -> tuple[str, dict[str, str]]:
        number = next(self._numbers)
        answers = f"answers-{number}"
        self.topics.create(answers)
        topics, group = (images, answers), f"group-{number}"
        return answers, environment_of(self.broker.servers, self.storage, topics, group)

    def _end(self, answers: str) -> list[Answered]:
        read = self.topics.read(answers)
        self.topics.delete(answers)
        return read

    async def _await_answers(self, answers: str, wanted: int, seconds: float = _START_SECONDS) -> None:
        async with asyncio.timeout(seconds):
            while self.topics.count(answers) < wanted:  # noqa: ASYNC110 -- a topic tells nobody
                await asyncio.sleep(_LOOK_SECONDS)


def rate_of(stamps: Sequence[float], seconds: float) -> float:
    """Return answers in a second, by the stamps of those that came in so many seconds.

    Those of one stamp came together, and the first ones began before: so it counts from stamp to stamp,
    unless there are so few that these say little.
    """
    span = stamps[-1] - stamps[0] if stamps else 0.0
    if span < seconds / 2:
        return len(stamps) / seconds
    return sum(stamp > stamps[0] for stamp in stamps) / span


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the value below which so many of a hundred lie."""
    return statistics.quantiles(values, n=100)[percent - 1]
