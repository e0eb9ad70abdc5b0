"""What makes a worker a shadow: it hears the champion's answers, compares, tells, and keeps up."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import msgspec
import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaTimeoutError

from catdog_common.messages import Answer, parse_answer
from catdog_common.shadow import ShadowReport
from catdog_inference.comparison import Comparison
from catdog_inference.publisher import CONNECT_SECONDS, stop_client
from catdog_inference.waiting import connected_within, side_by_side

# A shadow that lived in the past would say nothing of the present.
MOST_RECORDS_BEHIND = 5_000
REPORT_SECONDS = 10.0
_POLL_MILLISECONDS = 1000

log = structlog.get_logger()


class Shadow:
    """The comparison with the champion, beside the work of answering."""

    def __init__(
        self,
        comparison: Comparison,
        new_listener: Callable[[], AIOKafkaConsumer],
        *,
        model_name: str,
        input_topic: str,
        report_seconds: float = REPORT_SECONDS,
        connect_seconds: float = CONNECT_SECONDS,
        most_behind: int = MOST_RECORDS_BEHIND,
    ) -> None:
        self.comparison = comparison
        self._new_listener = new_listener
        self._model_name, self._input_topic = model_name, input_topic
        self._report_seconds = report_seconds
        self._connect_seconds = connect_seconds
        self._most_behind = most_behind
        self._has_begun = False
        self._listener: AIOKafkaConsumer | None = None
        self._positions: dict[TopicPartition, int] = {}  # up to which the champion was heard
        self._told: ShadowReport | None = None

    async def start(self) -> None:
        """Begin to listen to the champion, or go on where we left off: no answer that comes now is missed.

        Raises:
            KafkaError, KafkaSecurityError: the champion's answers can't be read now.
        """
        self._listener = listener = self._new_listener()
        await connected_within(self._connect_seconds, listener.start())
        try:
            async with asyncio.timeout(
                self._connect_seconds
            ):  # aiokafka asks for ever where there is no leader
                await self._locate(listener)
        except TimeoutError as error:
            raise KafkaTimeoutError("where the champion's answers end was not told in time") from error

    async def _locate(self, listener: AIOKafkaConsumer) -> None:
        for partition in listener.assignment():
            if partition in self._positions:
                listener.seek(partition, self._positions[partition])
            else:
                self._positions[partition] = await listener.position(partition)

    async def stop(self) -> None:
        """Listen no more."""
        listener, self._listener = self._listener, None
        if listener is not None:
            await stop_client(listener.stop)

    async def run(self) -> None:
        """Hear the champion's answers, and tell what comes of comparing, without end.

        Raises:
            KafkaError: the champion's answers can't be read now.
        """
        await side_by_side(self._hear(), self._tell())

    def is_behind(self, records: int) -> bool:
        """Return whether to go on with the newest, where so many records lie before us.

        So does each shadow that begins: what its group has committed may be another version's, of long ago.
        """
        return not self._has_begun or records > self._most_behind

    async def go_on_with_the_newest(self, consumer: AIOKafkaConsumer) -> dict[TopicPartition, int]:
        """Leave out the records that lie before us; return the offsets that are committed for it.

        Nothing may be in flight.
        """
        committed = dict[TopicPartition, int]()
        for partition in consumer.assignment():
            with suppress(IllegalStateError, CommitFailedError):  # it is no longer ours
                before = await consumer.position(partition)
                await consumer.seek_to_end(partition)
                after = await consumer.position(partition)
                await consumer.commit({partition: after})
                committed[partition] = after
                left_out = after - before if self._has_begun else 0
                self.comparison.begin(partition.partition, after, left_out)
        if self._has_begun and committed:
            log.warning("too far behind: records are skipped", skipped=self.comparison.report.skipped)
        self._has_begun = self._has_begun or bool(committed)
        return committed

    async def _hear(self) -> None:
        assert self._listener is not None  # noqa: S101  it was started
        while True:
            batch = await self._listener.getmany(timeout_ms=_POLL_MILLISECONDS, max_records=500)
            for partition, records in batch.items():
                for record in records:
                    with suppress(msgspec.DecodeError):  # it is no answer
                        self._take(parse_answer(record.value or b""))
                self._positions[partition] = records[-1].offset + 1

    def _take(self, answer: Answer) -> None:
        """Have an answer compared, if it is the champion's: several models may answer into one topic."""
        if (answer.model.name, answer.source.topic) == (self._model_name, self._input_topic):
            self.comparison.hear(answer, is_champion=True)

    async def _tell(self) -> None:
        while True:
            self.comparison.expire()
            report = self.comparison.report
            if report != self._told:
                log.info("compared with the champion", shadow=msgspec.to_builtins(report))
                self._told = report
            await asyncio.sleep(self._report_seconds)
