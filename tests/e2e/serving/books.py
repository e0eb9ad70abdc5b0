"""Keeps the books of a model's topics: each record that was sent, and all that became of it."""

import asyncio
import itertools
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from catdog_common.messages import ERROR_OFFSET_HEADER, ERROR_PARTITION_HEADER, ERROR_TOPIC_HEADER
from tests.cluster.waiting import PATIENCE_SECONDS
from tests.e2e.kafka import Record
from tests.e2e.kafka_clients import consuming, producing
from tests.e2e.sizes import Topics

# A broker may take minutes to come back, for which a record has to wait and not to be given up.
PATIENT = {"acks": "all", "enable_idempotence": True, "request_timeout_ms": 300_000}
LARGE = 2**24
# A group goes on without a member after ten seconds, though it stood still together with all of the machine.
STALL_SECONDS = 5.0
TICK_SECONDS = 0.5


@dataclass(frozen=True)
class Outcome:
    """An answer or a dead letter."""

    position: str  # topic/partition/offset of the record that it is of; an answer's `ce_id`
    version: int | None  # of the model that answered; None for a dead letter
    at: float  # s since the epoch, when it was written


@dataclass
class Books:
    """Records by their ids, which are nobody else's."""

    producer: AIOKafkaProducer
    consumer: AIOKafkaConsumer
    topics: Topics
    sent: dict[str, str] = field(default_factory=dict)  # id → position, when acknowledged
    outcomes: dict[str, list[Outcome]] = field(default_factory=dict)
    longest_stall: float = 0.0  # seconds for which this machine, or this process, stood still
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def send(self, values: Sequence[bytes], partition: int | None = None) -> list[str]:
        """Send records; return their ids when all of them are acknowledged."""
        names, sendings = [], []
        for value in values:
            name = f"record-{next(self._numbers)}"
            sending = await self.producer.send(
                self.topics.images, value, key=name.encode(), partition=partition
            )
            names.append(name)
            sendings.append(sending)
        for name, metadata in zip(names, await asyncio.gather(*sendings), strict=True):
            self.sent[name] = f"{metadata.topic}/{metadata.partition}/{metadata.offset}"
        return names

    async def feed(self, values: Sequence[bytes], stop: asyncio.Event) -> None:
        """Send these again and again until stopped, so that there are always some that are not answered."""
        while not stop.is_set():
            if len(self.open) < len(values):
                await self.send(values)
                continue
            async with self._changed:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), 0.2)

    async def await_outcomes(self, count: int, seconds: float = PATIENCE_SECONDS) -> None:
        """Return when so many more records than now have come to something.

        Raises:
            TimeoutError: they have not within `seconds`.
        """
        wanted = len(self.outcomes) + count
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(lambda: len(self.outcomes) >= wanted)

    @property
    def open(self) -> set[str]:
        """The records of which nothing was heard yet."""
        return self.sent.keys() - self.outcomes.keys()

    @property
    def again(self) -> Counter[str]:
        """How many outcomes too many each record has that has more than one."""
        return Counter({name: len(each) - 1 for name, each in self.outcomes.items() if len(each) > 1})

    @property
    def again_by_fault(self) -> int:
        """How many outcomes too many there are; none where the machine stood still, as that is no fault."""
        return 0 if self.machine_stalled else self.again.total()

    @property
    def machine_stalled(self) -> bool:
        """Whether a worker may have been missed for no fault of its own."""
        return self.longest_stall > STALL_SECONDS

    def told(self) -> str:
        """Return what the books say, for people."""
        stood = f"; the machine stood still for {self.longest_stall:.0f} s" if self.machine_stalled else ""
        return f"{len(self.sent)} records, none lost, {self.again.total()} outcomes too many{stood}"

    def ends(self) -> dict[int, int]:
        """Return the offset behind the last record that was sent, of each partition that has any."""
        places = (position.rsplit("/", 2)[1:] for position in self.sent.values())
        ends: dict[int, int] = {}
        for partition, offset in places:
            ends[int(partition)] = max(ends.get(int(partition), 0), int(offset) + 1)
        return ends

    def check(self) -> None:
        """Hold that nothing is lost or made up, and that what came twice is known by its position."""
        assert self.open == set()
        assert self.outcomes.keys() - self.sent.keys() == set()
        wrong = {
            name: each
            for name, each in self.outcomes.items()
            if {one.position for one in each} != {self.sent[name]}
        }
        assert wrong == {}

    async def are_up_to_date(self) -> bool:
        """Whether all that lies in the topics is in the books."""
        ends = await self.consumer.end_offsets(self.consumer.assignment())
        return all([await self.consumer.position(place) >= end for place, end in ends.items()])

    async def notice_stalls(self) -> None:
        """Note how late a short sleep ends, without end."""
        while True:
            begun = monotonic()
            await asyncio.sleep(TICK_SECONDS)  # this is the measure
            self.longest_stall = max(self.longest_stall, monotonic() - begun - TICK_SECONDS)

    async def read(self) -> None:
        """Note answers and dead letters as they come, without end."""
        async for record in self.consumer:
            name, outcome = _parse(record, self.topics)
            self.outcomes.setdefault(name, []).append(outcome)
            async with self._changed:
                self._changed.notify_all()


def _parse(record: Record, topics: Topics) -> tuple[str, Outcome]:
    headers, at = dict(record.headers), record.timestamp / 1000
    if record.topic == topics.answers:
        answer = json.loads(record.value)
        return answer["id"], Outcome(headers["ce_id"].decode(), answer["model"]["version"], at)
    place = (ERROR_TOPIC_HEADER, ERROR_PARTITION_HEADER, ERROR_OFFSET_HEADER)
    return record.key.decode(), Outcome("/".join(headers[name].decode() for name in place), None, at)


@asynccontextmanager
async def open_books(topics: Topics) -> AsyncIterator[Books]:
    """Give books of what is sent and comes from now on."""
    async with (
        producing(**topics.connection, **PATIENT, max_request_size=LARGE) as producer,
        consuming(**topics.connection, max_partition_fetch_bytes=LARGE) as consumer,
    ):
        places = [
            TopicPartition(topic, partition)
            for topic in (topics.answers, topics.dead_letters)
            for partition in await producer.partitions_for(topic)
        ]
        consumer.assign(places)
        await consumer.seek_to_end()
        await asyncio.gather(*(consumer.position(place) for place in places))
        books = Books(producer, consumer, topics)
        tasks = [asyncio.create_task(each) for each in (books.read(), books.notice_stalls())]
        try:
            yield books
        finally:
            for task in tasks:
                task.cancel()
            for task in tasks:
                with suppress(asyncio.CancelledError):
                    await task
