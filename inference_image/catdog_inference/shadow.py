"""What makes a worker a shadow: it hears the champion's answers, compares, tells, and keeps up."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from time import time

import msgspec
import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError

from catdog_common.messages import parse_answer
from catdog_common.shadow import ShadowReport
from catdog_inference.comparison import Comparison
from catdog_inference.publisher import stop_client
from catdog_inference.waiting import connected_within, side_by_side

# A shadow that lived in the past would say nothing of the present.
MOST_RECORDS_BEHIND = 5_000
# Before a shadow begins, for the records that its predecessor has left.
LOOK_BACK_SECONDS = 120.0
REPORT_SECONDS = 10.0
CONNECT_SECONDS = 30.0
_POLL_MILLISECONDS = 1000

log = structlog.get_logger()


class Shadow:
    """The comparison with the champion, beside the work of answering."""

    def __init__(
        self,
        comparison: Comparison,
        new_consumer: Callable[[], AIOKafkaConsumer],
        report_seconds: float = REPORT_SECONDS,
        most_behind: int = MOST_RECORDS_BEHIND,
    ) -> None:
        self.comparison = comparison
        self.most_behind = most_behind
        self._new_consumer = new_consumer
        self._report_seconds = report_seconds
        self._told: ShadowReport | None = None

    async def run(self) -> None:
        """Hear the champion's answers, and tell what comes of comparing, without end.

        Raises:
            KafkaError, KafkaSecurityError: the champion's answers can't be read now.
        """
        consumer = self._new_consumer()
        try:
            await connected_within(CONNECT_SECONDS, consumer.start())
            await look_back(consumer, LOOK_BACK_SECONDS)
            await side_by_side(self._hear(consumer), self._tell())
        finally:
            await stop_client(consumer.stop)

    async def skip_to_the_end(self, consumer: AIOKafkaConsumer) -> dict[TopicPartition, int]:
        """Go on with the newest records, and leave out those before them; nothing may be in flight.

        Return the offsets that are committed.
        """
        committed = dict[TopicPartition, int]()
        for partition in consumer.assignment():
            with suppress(IllegalStateError, CommitFailedError):  # it is no longer ours
                before = await consumer.position(partition)
                await consumer.seek_to_end(partition)
                after = await consumer.position(partition)
                await consumer.commit({partition: after})
                committed[partition] = after
                self.comparison.skip(partition.partition, after, after - before)
        log.warning("too far behind: records are skipped", skipped=self.comparison.report.skipped)
        return committed

    async def _hear(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            batch = await consumer.getmany(timeout_ms=_POLL_MILLISECONDS, max_records=500)
            for record in (each for records in batch.values() for each in records):
                # Whatever else lies in the topic is no answer of the champion's.
                with suppress(msgspec.DecodeError):
                    self.comparison.hear(parse_answer(record.value or b""), is_champion=True)

    async def _tell(self) -> None:
        while True:
            self.comparison.expire()
            report = self.comparison.report
            if report != self._told:
                log.info("compared with the champion", shadow=msgspec.to_builtins(report))
                self._told = report
            await asyncio.sleep(self._report_seconds)


async def look_back(consumer: AIOKafkaConsumer, seconds: float) -> None:
    """Set each partition to the first record that is no older than so many seconds, or to its end."""
    moment = int((time() - seconds) * 1000)
    partitions: set[TopicPartition] = consumer.assignment()
    found = await consumer.offsets_for_times(dict.fromkeys(partitions, moment))
    for partition, place in found.items():
        if place is None:
            await consumer.seek_to_end(partition)
        else:
            consumer.seek(partition, place.offset)
