"""A Kafka of one process, with one journal: it alone can tell whether a commit came before its answer.

It behaves as aiokafka 0.14 was read to behave where the worker depends on it: records are handed out by
position and positions go back to what is committed at each assignment; while a rebalance is under way
getmany waits for its end; and after a refused record an idempotent producer is out of order for good.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any

from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import (
    CommitFailedError,
    IllegalStateError,
    KafkaConnectionError,
    KafkaError,
    OutOfOrderSequenceNumber,
)

from catdog_common.messages import record_bytes


@dataclass(frozen=True)
class Record:
    """What the worker reads of a ConsumerRecord, and what lies in the other topics."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    timestamp: int = -1


@dataclass(frozen=True)
class Taken:
    """Records were handed to a consumer."""

    places: tuple[tuple[int, int], ...]  # partition, offset


@dataclass(frozen=True)
class Acknowledged:
    """A record lies in a topic."""

    record: Record


@dataclass(frozen=True)
class Committed:
    """Offsets were committed: partition → next offset to read."""

    offsets: dict[int, int]


@dataclass(frozen=True)
class Joined:
    """A consumer got its partitions."""

    partitions: tuple[int, ...]


@dataclass(frozen=True)
class Left:
    """A consumer left the group."""


@dataclass(frozen=True)
class Refused:
    """A connection, a record or a commit was refused."""

    error: KafkaError


Entry = Taken | Acknowledged | Committed | Joined | Left | Refused


@dataclass
class FakeBroker:
    """Topics, a consumer group of one member, and whatever is to go wrong."""

    input_topic: str = "pets-images"
    partitions: int = 2
    journal: list[Entry] = field(default_factory=list)
    records: dict[TopicPartition, list[Record]] = field(default_factory=lambda: defaultdict(list))
    committed: dict[TopicPartition, int] = field(default_factory=dict)
    refuse_sending: dict[str, KafkaError] = field(default_factory=dict)  # topic → raised by send
    refuse_records: dict[str, KafkaError] = field(default_factory=dict)  # topic → instead of acknowledging
    size_limit: dict[str, tuple[int, KafkaError]] = field(default_factory=dict)  # topic → bytes of a record
    batch_limit: dict[str, tuple[int, KafkaError]] = field(default_factory=dict)  # topic → of a producer's
    refuse_fetch: KafkaError | None = None
    refuse_commit: KafkaError | None = None
    refuse_listening: KafkaError | None = None
    leaderless: bool = False  # the champion's topic: nobody tells where it ends
    unreachable: int = 0  # so many connections fail
    leaving: int = 0  # so many connections never come to anything
    leaving_consumers: int = 0  # and so many of consumers
    start_from: str = "earliest"
    acknowledge: asyncio.Event = field(default_factory=asyncio.Event)
    take_commits: asyncio.Event = field(default_factory=asyncio.Event)
    commits_waiting: int = 0
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    consumer: "FakeConsumer | None" = None
    producers: int = 0
    in_flight_bytes: int = 0  # of values that are sent and not acknowledged
    most_in_flight_bytes: int = 0

    def __post_init__(self) -> None:
        self.acknowledge.set()
        self.take_commits.set()

    def new_consumer(self) -> "FakeConsumer":
        self.consumer = FakeConsumer(self)
        return self.consumer

    def new_listener(self, topic: str) -> "FakeListener":
        return FakeListener(self, topic)

    def new_producer(self) -> "FakeProducer":
        self.producers += 1
        return FakeProducer(self)

    async def connect(self) -> None:
        if self.leaving:
            self.leaving -= 1
            await asyncio.Event().wait()
        if self.unreachable:
            self.unreachable -= 1
            await self.refuse(KafkaConnectionError("nobody answers at kafka:9093"))

    async def refuse(self, error: KafkaError) -> None:
        await self.write(Refused(error))
        raise error

    def put(
        self,
        value: bytes | None,
        key: bytes | None = None,
        partition: int = 0,
        headers: tuple[tuple[str, bytes], ...] = (),
        timestamp: int = -1,
    ) -> Record:
        """Append a record to the input topic; `timestamp` is in milliseconds since the epoch."""
        return self.append(self.input_topic, partition, key, value, headers, timestamp)

    def append(
        self,
        topic: str,
        partition: int,
        key: Any,  # noqa: ANN401
        value: Any,  # noqa: ANN401
        headers: Any,  # noqa: ANN401
        timestamp: int = -1,
    ) -> Record:
        log = self.records[TopicPartition(topic, partition)]
        record = Record(topic, partition, len(log), key, value, tuple(headers), timestamp)
        log.append(record)
        return record

    async def write(self, entry: Entry) -> None:
        self.journal.append(entry)
        async with self.changed:
            self.changed.notify_all()

    async def until(self, what: Any) -> None:  # noqa: ANN401  a predicate without arguments
        """Wait until it holds; it is asked whenever the journal grows."""
        async with asyncio.timeout(60), self.changed:
            await self.changed.wait_for(what)

    async def all_committed(self) -> None:
        """Wait until every record of the input topic is committed."""
        logs = {tp: len(log) for tp, log in self.records.items() if tp.topic == self.input_topic}
        await self.until(lambda: all(self.committed.get(tp, 0) == end for tp, end in logs.items()))

    def topic(self, name: str) -> list[Record]:
        return [record for tp, log in self.records.items() if tp.topic == name for record in log]

    def entries(self, kind: type) -> list[Any]:
        return [entry for entry in self.journal if isinstance(entry, kind)]

    async def rebalance(self, partitions: set[int]) -> None:
        """Take the consumer's partitions away and give it these."""
        assert self.consumer is not None
        await self.consumer.reassign({TopicPartition(self.input_topic, each) for each in partitions})


class FakeConsumer:
    """What the worker uses of AIOKafkaConsumer."""

    def __init__(self, broker: FakeBroker) -> None:
        self._broker = broker
        self._listener: ConsumerRebalanceListener | None = None
        self._assigned: set[TopicPartition] = set()
        self._positions: dict[TopicPartition, int] = {}
        self._fetched: set[TopicPartition] = set()
        self._stable = asyncio.Event()
        self._joined = False

    def subscribe(self, topics: list[str], listener: ConsumerRebalanceListener) -> None:
        assert topics == [self._broker.input_topic]
        self._listener = listener

    async def start(self) -> None:
        if self._broker.leaving_consumers:
            self._broker.leaving_consumers -= 1
            await asyncio.Event().wait()
        await self._broker.connect()
        self._joined = True
        everything = range(self._broker.partitions)
        await self.reassign({TopicPartition(self._broker.input_topic, each) for each in everything})

    async def reassign(self, partitions: set[TopicPartition]) -> None:
        assert self._listener is not None
        self._stable.clear()
        await self._listener.on_partitions_revoked(self._assigned)
        self._assigned, self._fetched = partitions, set()
        self._positions = {tp: self._beginning(tp) for tp in partitions}
        await self._broker.write(Joined(tuple(sorted(tp.partition for tp in partitions))))
        await self._listener.on_partitions_assigned(partitions)
        self._stable.set()

    def _beginning(self, tp: TopicPartition) -> int:
        end = len(self._broker.records[tp]) if self._broker.start_from == "latest" else 0
        return self._broker.committed.get(tp, end)

    async def getmany(self, timeout_ms: int, max_records: int) -> dict[TopicPartition, list[Record]]:
        await self._stable.wait()
        if self._broker.refuse_fetch:
            await self._broker.refuse(self._broker.refuse_fetch)
        self._fetched = set(self._assigned)
        taken: dict[TopicPartition, list[Record]] = {}
        for tp in sorted(self._assigned):
            room = max_records - sum(map(len, taken.values()))
            if records := self._broker.records[tp][self._positions[tp] :][:room]:
                taken[tp] = records
                self._positions[tp] += len(records)
        if taken:
            places = tuple((tp.partition, record.offset) for tp, log in taken.items() for record in log)
            await self._broker.write(Taken(places))
        elif timeout_ms:
            await asyncio.sleep(0.005)
        return taken

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        self._broker.commits_waiting += 1
        await self._broker.take_commits.wait()
        self._broker.commits_waiting -= 1
        if self._broker.refuse_commit:
            await self._broker.refuse(self._broker.refuse_commit)
        if not offsets.keys() <= self._assigned:
            raise IllegalStateError("a partition is not assigned")
        if not self._joined:
            raise CommitFailedError
        self._broker.committed.update(offsets)
        await self._broker.write(Committed({tp.partition: offset for tp, offset in offsets.items()}))

    def assignment(self) -> set[TopicPartition]:
        return self._assigned

    def highwater(self, tp: TopicPartition) -> int | None:
        assert tp in self._assigned, "Partition is not assigned"
        return len(self._broker.records[tp]) if tp in self._fetched else None

    async def committed(self, tp: TopicPartition) -> int | None:
        return self._broker.committed.get(tp)

    async def position(self, tp: TopicPartition) -> int:
        return self._positions[tp]

    async def seek_to_end(self, tp: TopicPartition) -> None:
        self._positions[tp] = len(self._broker.records[tp])

    async def stop(self) -> None:
        if self._joined:
            self._joined = False
            await self._broker.write(Left())


class FakeListener:
    """What the worker uses of a consumer that is in no group: it begins at the end of partition 0."""

    def __init__(self, broker: FakeBroker, topic: str) -> None:
        self._broker = broker
        self._place = TopicPartition(topic, 0)
        self._position = -1

    async def start(self) -> None:
        await self._broker.connect()
        if (error := self._broker.refuse_listening) is not None:
            await self._broker.refuse(error)
        self._position = len(self._broker.records[self._place])

    def assignment(self) -> set[TopicPartition]:
        return {self._place}

    async def position(self, tp: TopicPartition) -> int:
        assert tp == self._place
        while self._broker.leaderless:  # noqa: ASYNC110 - as aiokafka does
            await asyncio.sleep(0.01)
        return self._position

    def seek(self, tp: TopicPartition, offset: int) -> None:
        assert tp == self._place
        self._position = offset

    async def getmany(self, timeout_ms: int, max_records: int) -> dict[TopicPartition, list[Record]]:
        if (error := self._broker.refuse_listening) is not None:
            await self._broker.refuse(error)
        if records := self._broker.records[self._place][self._position :][:max_records]:
            self._position += len(records)
            return {self._place: records}
        await asyncio.sleep(min(timeout_ms / 1000, 0.005))
        return {}

    async def stop(self) -> None:
        pass


class FakeProducer:
    """What the worker uses of an idempotent AIOKafkaProducer."""

    def __init__(self, broker: FakeBroker) -> None:
        self._broker = broker
        self._out_of_order = False
        self._started = False
        self._in_flight: Counter[str] = Counter()  # bytes by topic

    async def start(self) -> None:
        await self._broker.connect()
        self._started = True

    async def stop(self) -> None:
        self._started = False

    async def send(self, topic: str, value: Any, key: Any, headers: Any) -> Awaitable[object]:  # noqa: ANN401
        assert self._started
        assert not (value is None and key is None), "Need at least one: key or value"
        assert isinstance(headers, list), "Expected list"
        if error := self._broker.refuse_sending.get(topic):
            await self._broker.refuse(error)
        limit, too_large = self._broker.size_limit.get(topic, (None, None))
        size = record_bytes(key, value, tuple(headers))
        if too_large and limit is not None and size > limit:
            await self._broker.refuse(too_large)
        self._in_flight[topic] += size
        self._broker.in_flight_bytes += len(value or b"")
        self._broker.most_in_flight_bytes = max(
            self._broker.most_in_flight_bytes, self._broker.in_flight_bytes
        )
        return asyncio.ensure_future(self._deliver(topic, key, value, headers))

    async def _deliver(self, topic: str, key: Any, value: Any, headers: Any) -> None:  # noqa: ANN401
        await self._broker.acknowledge.wait()
        await asyncio.sleep(0)  # what is sent in one go is a batch
        limit, too_large = self._broker.batch_limit.get(topic, (None, None))
        is_too_large = limit is not None and self._in_flight[topic] > limit
        await asyncio.sleep(0)
        self._in_flight[topic] -= record_bytes(key, value, headers)
        self._broker.in_flight_bytes -= len(value or b"")
        if too_large and is_too_large:
            self._out_of_order = True
            await self._broker.refuse(too_large)
        if error := self._broker.refuse_records.get(topic):
            self._out_of_order = True
            await self._broker.refuse(error)
        if self._out_of_order:
            raise OutOfOrderSequenceNumber
        record = self._broker.append(topic, 0, key, value, headers)
        await self._broker.write(Acknowledged(record))
