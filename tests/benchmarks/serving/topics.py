"""Topics of a benchmark: filled before it, watched cheaply while it runs, and read after it."""

import asyncio
import time
from collections.abc import Sequence
from itertools import cycle, islice

import msgspec
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from catdog_common.messages import Answer, parse_answer

PARTITIONS = 6
MAX_MESSAGE_BYTES = 11 * 1024 * 1024
_READ_SECONDS = 60.0


class Answered(msgspec.Struct, frozen=True):
    """An answer, and when the broker took it (seconds since the epoch, to the millisecond)."""

    answer: Answer
    at: float


class Topics:
    """What the benchmark does at the broker."""

    def __init__(self, servers: str) -> None:
        # Of the broker's end, and of topics that go, nobody need be told.
        self._client: dict[str, str | int | float | bool] = {"bootstrap.servers": servers, "log_level": 0}
        self._admin = AdminClient(self._client)
        self._reader = Consumer(self._client | {"group.id": "benchmark", "enable.auto.commit": False})

    def create(self, *names: str) -> None:
        """Make topics whose records are stamped by the broker as it takes them."""
        config = {"message.timestamp.type": "LogAppendTime", "max.message.bytes": str(MAX_MESSAGE_BYTES)}
        topics = [NewTopic(name, PARTITIONS, 1, config=config) for name in names]
        for made in self._admin.create_topics(topics).values():
            made.result()
        for name in names:
            self._await_leaders(name)

    def delete(self, *names: str) -> None:
        """Take topics away, and their data with them."""
        for gone in self._admin.delete_topics(list(names)).values():
            gone.result()

    def fill(self, topic: str, values: Sequence[bytes], count: int) -> None:
        """Append `count` records, the values by turns, evenly over the partitions."""
        producer = self._producer()
        for number, value in enumerate(islice(cycle(values), count)):
            producer.produce(topic, value, key=f"backlog/{number}", partition=number % PARTITIONS)
            while len(producer) > 2000 or len(producer) * len(value) > 2**26:
                producer.poll(0.05)
        producer.flush()

    async def send_steadily(
        self, topic: str, values: Sequence[bytes], per_second: float, seconds: float
    ) -> list[float]:
        """Send at fixed moments, whatever becomes of it; return the moments. Keys are `steady/<number>`."""
        producer = self._producer()
        start = time.time() + 0.1
        moments = [start + number / per_second for number in range(int(per_second * seconds))]
        for number, moment in enumerate(moments):
            await asyncio.sleep(max(0.0, moment - time.time()))
            producer.produce(
                topic, values[number % len(values)], key=f"steady/{number}", partition=number % PARTITIONS
            )
            producer.poll(0)
        await asyncio.to_thread(producer.flush)
        return moments

    def count(self, topic: str) -> int:
        """Return how many records a topic has."""
        return sum(self._ends(topic))

    def read(self, topic: str) -> list[Answered]:
        """Return all answers in a topic, in the order of their time stamps.

        Raises:
            TimeoutError: what is there can't be read.
        """
        ends = self._ends(topic)
        self._reader.assign([TopicPartition(topic, number, 0) for number in range(PARTITIONS)])
        answers = list[Answered]()
        while len(answers) < sum(ends):
            messages = self._reader.consume(min(1000, sum(ends) - len(answers)), _READ_SECONDS)
            if not messages:
                raise TimeoutError(f"{topic} has {sum(ends)} records, and only {len(answers)} can be read")
            for message in messages:
                answers.append(Answered(parse_answer(message.value() or b""), message.timestamp()[1] / 1000))
        self._reader.unassign()
        return sorted(answers, key=lambda each: each.at)

    def _await_leaders(self, topic: str) -> None:
        """Return when a topic that was just made can be used."""
        deadline = time.monotonic() + _READ_SECONDS
        while True:
            try:
                self._reader.list_topics(topic)
                self._ends(topic)
            except KafkaException:  # its partitions have no leaders yet
                if time.monotonic() > deadline:
                    raise
            else:
                return

    def _ends(self, topic: str) -> list[int]:
        partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        return [self._reader.get_watermark_offsets(partition)[1] for partition in partitions]

    def _producer(self) -> Producer:
        limits = {"message.max.bytes": MAX_MESSAGE_BYTES, "queue.buffering.max.kbytes": 2**17}
        return Producer(self._client | {"linger.ms": 0} | limits)
