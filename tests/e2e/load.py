"""A steady stream of pictures with ids into a topic, and the ids that were answered."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from tests.cluster.waiting import PATIENCE_SECONDS
from tests.e2e.kafka_clients import consuming, producing
from tests.tiny_version import picture

PER_SECOND = 30


@dataclass(frozen=True)
class Acknowledged:
    """A record that a broker has taken for good."""

    id: str
    partition: int
    at: float  # by the monotonic clock


@dataclass
class Load:
    """What was sent so far, and what of it was acknowledged; its ids are nobody else's."""

    prefix: str = field(default_factory=lambda: uuid4().hex[:8])
    sent: list[str] = field(default_factory=list)
    acknowledged: list[Acknowledged] = field(default_factory=list)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def await_more(self, records: int, seconds: float = PATIENCE_SECONDS) -> None:
        """Return when so many more are acknowledged than now.

        Raises:
            TimeoutError: they were not within `seconds`.
        """
        wanted = len(self.acknowledged) + records
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(lambda: len(self.acknowledged) >= wanted)

    def partitions_between(self, begin: float, end: float) -> set[int]:
        """Return the partitions that took records in this time."""
        return {each.partition for each in self.acknowledged if begin <= each.at <= end}

    def stop(self) -> None:
        """Send no more."""
        self._stop.set()

    async def run(self, producer: AIOKafkaProducer, topic: str) -> None:
        """Send until stopped; return when all that was sent is acknowledged.

        Raises:
            ExceptionGroup: something was refused.
        """
        image = picture("red")
        async with asyncio.TaskGroup() as waiting:
            while not self._stop.is_set():
                name = f"{self.prefix}-{len(self.sent)}"
                self.sent.append(name)
                sending = await producer.send(topic, image, key=name.encode())
                waiting.create_task(self._await(name, sending))
                await asyncio.sleep(1 / PER_SECOND)  # the pace

    async def _await(self, name: str, sending: Awaitable[object]) -> None:
        metadata: object = await sending
        partition: int = metadata.partition  # type: ignore[attr-defined]  # aiokafka has no types
        self.acknowledged.append(Acknowledged(name, partition, monotonic()))
        async with self._changed:
            self._changed.notify_all()


@asynccontextmanager
async def steady_load(servers: str, topic: str) -> AsyncIterator[Load]:
    """Send pictures, acknowledged by all replicas in sync and none twice, until the end of the context."""
    load = Load()
    # A broker may take a minute to come back, for which a record has to wait and not to be given up.
    patient = {"acks": "all", "enable_idempotence": True, "request_timeout_ms": 180_000}
    async with producing(bootstrap_servers=servers, **patient) as producer:
        sending = asyncio.create_task(load.run(producer, topic))
        try:
            yield load
        finally:
            load.stop()
            await sending


async def answers_to(load: Load, servers: str, topic: str, seconds: float = PATIENCE_SECONDS) -> Counter[str]:
    """Return how often each id of a load was answered, once all that were sent were, or after `seconds`."""
    answered, sent = Counter[str](), set(load.sent)
    async with consuming(topic, bootstrap_servers=servers, auto_offset_reset="earliest") as consumer:
        deadline = monotonic() + seconds
        while monotonic() < deadline and not (sent <= answered.keys() and await _is_at_end(consumer)):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                names = (json.loads(record.value)["id"] for record in records)
                answered.update(name for name in names if name.startswith(load.prefix))
    return answered


async def _is_at_end(consumer: AIOKafkaConsumer) -> bool:
    ends = await consumer.end_offsets(consumer.assignment())
    return all([await consumer.position(partition) >= end for partition, end in ends.items()])
