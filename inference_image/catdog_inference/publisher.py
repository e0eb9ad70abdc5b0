"""Produces records until every one of them is acknowledged, or until nobody wants them any more."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import msgspec
import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError

from catdog_common.complaints import ANSWERS_REFUSED
from catdog_common.kafka_security import KafkaSecurityError
from catdog_common.messages import OutgoingRecord
from catdog_inference.metrics import Metrics
from catdog_inference.waiting import Trouble, connected_within, is_set_within

CONNECT_SECONDS = 30.0
STOP_SECONDS = 5.0

# A client sends at once, in one request, what waits for one broker; of more than socket.request.max.bytes
# (100 MiB) the broker closes the connection. So no more is on its way together, but for a single record.
IN_FLIGHT_BYTES = 32 * 1024 * 1024

log = structlog.get_logger()


class AbandonedError(Exception):
    """The records that these answer are no longer ours; whoever has them now will answer them."""


class Publisher:
    """An idempotent producer that is replaced when it fails.

    Replaced, because an idempotent producer of aiokafka (0.14) counts a refused batch in its sequence, so
    that after a refusal (of an ACL, say) the broker finds each later batch out of order, for good.
    """

    def __init__(
        self,
        new_producer: Callable[[], AIOKafkaProducer],
        metrics: Metrics,
        connect_seconds: float = CONNECT_SECONDS,
    ) -> None:
        self._new_producer = new_producer
        self._connect_seconds = connect_seconds
        self._metrics = metrics
        self._producer: AIOKafkaProducer | None = None
        self._refusal = Trouble(ANSWERS_REFUSED)

    @property
    def refusal(self) -> Trouble:
        """What keeps answers from being taken."""
        return self._refusal

    async def start(self) -> None:
        """Connect.

        Raises:
            KafkaError, KafkaSecurityError: it can't be done now.
        """
        self._producer = self._new_producer()
        await connected_within(self._connect_seconds, self._producer.start())

    async def stop(self) -> None:
        """Disconnect; what is not acknowledged yet may be lost or not."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await stop_client(producer.stop)

    async def publish(self, records: Sequence[OutgoingRecord], abandoned: asyncio.Event) -> None:
        """Produce the records in their order, and return when all are acknowledged.

        What is refused is tried again, however long it takes.

        Raises:
            AbandonedError: `abandoned` was set while something was still refused.
        """
        while True:
            records, error = await self._attempt(records)
            if error is None:
                self._refusal.over()
                return
            self._metrics.produce_failures.inc()
            pause = self._refusal.again(error)
            await self.stop()
            if await is_set_within(abandoned, pause):
                self._refusal.over()  # for us; who has the records now will tell
                raise AbandonedError

    async def _attempt(
        self, records: Sequence[OutgoingRecord]
    ) -> tuple[list[OutgoingRecord], Exception | None]:
        """Produce, and return what is to be tried again, with one of the reasons."""
        try:
            if self._producer is None:
                await self.start()
        except (KafkaError, KafkaSecurityError) as error:
            return list(records), error
        outcomes = await self._send(records)
        refused = [(record, error) for record, error in zip(records, outcomes, strict=True) if error]
        return [_to_be_tried_again(*each) for each in refused], refused[0][1] if refused else None

    async def _send(self, records: Sequence[OutgoingRecord]) -> list[Exception | None]:
        """Produce once; return for each record None, or why it was refused.

        They are handed over one by one, so that they lie in the topic in this order. After a refusal at this
        point the rest of the topic is not tried: its order would suffer, and each might wait half a minute.
        """
        refusals: dict[str, Exception] = {}
        acknowledgements: list[Awaitable[object]] = []
        in_flight = _InFlight()
        for record in records:
            if record.topic not in refusals:
                try:
                    await in_flight.room_for(record)
                    acknowledgements.append(in_flight.add(record, await self._hand_over(record)))
                    continue
                except KafkaError as error:
                    refusals[record.topic] = error
            acknowledgements.append(_failed(refusals[record.topic]))
        outcomes = await asyncio.gather(*acknowledgements, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException) and not isinstance(outcome, KafkaError):
                raise outcome
        return [outcome if isinstance(outcome, KafkaError) else None for outcome in outcomes]

    async def _hand_over(self, record: OutgoingRecord) -> Awaitable[object]:
        assert self._producer is not None  # noqa: S101  _attempt has started it
        # aiokafka refuses a record with neither key nor value, which Kafka would take.
        value = b"" if record.key is None and record.value is None else record.value
        sending: Awaitable[object] = await self._producer.send(
            record.topic, value, key=record.key, headers=list(record.headers)
        )
        return sending


class _InFlight:
    """The records that are handed over and not acknowledged."""

    def __init__(self) -> None:
        self._bytes = 0
        self._sendings: list[asyncio.Future[object]] = []

    async def room_for(self, record: OutgoingRecord) -> None:
        """Wait until what is in flight has an end, where it would be too much together with this record."""
        if self._sendings and self._bytes + _size(record) > IN_FLIGHT_BYTES:
            await asyncio.wait(self._sendings)
            self._bytes, self._sendings = 0, []

    def add(self, record: OutgoingRecord, sending: Awaitable[object]) -> asyncio.Future[object]:
        """Return the acknowledgement that is to come."""
        self._bytes += _size(record)
        self._sendings.append(acknowledgement := asyncio.ensure_future(sending))
        return acknowledgement


def _size(record: OutgoingRecord) -> int:
    return len(record.value or b"") + len(record.key or b"")


async def stop_client(stop: Callable[[], Awaitable[None]]) -> None:
    """Stop an aiokafka client, but do not wait long for a broker that does not answer."""
    with suppress(TimeoutError, KafkaError):
        async with asyncio.timeout(STOP_SECONDS):
            await stop()


async def _failed(error: Exception) -> None:
    raise error


def _to_be_tried_again(record: OutgoingRecord, error: Exception) -> OutgoingRecord:
    """Return the record; without its value, if that is too large for the topic, which will not change.

    That is a dead letter in a topic whose limit is lower than the input topic's. Its headers still say
    where the original lies.
    """
    if isinstance(error, MessageSizeTooLargeError | RecordListTooLargeError) and record.value:
        log.error("a record is too large for its topic and goes there without its value", topic=record.topic)
        return msgspec.structs.replace(record, key=record.key or b"", value=None)
    return record
