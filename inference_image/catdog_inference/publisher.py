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
from catdog_common.messages import OutgoingRecord, record_bytes
from catdog_inference.metrics import Metrics
from catdog_inference.waiting import Trouble, connected_within, is_set_within

CONNECT_SECONDS = 30.0
STOP_SECONDS = 5.0

# A client sends at once, in one request, what waits for one broker; of more than socket.request.max.bytes
# (100 MiB) the broker closes the connection. So no more is on its way together, but for a single record.
IN_FLIGHT_BYTES = 32 * 1024 * 1024

_TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)
# What we write of a dead letter are its last headers, and none is larger (catdog_common.messages).
_OWN_HEADERS, _OWN_HEADER_BYTES = 5, 5000

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
        alone = False
        while True:
            left, error = await self._attempt(records, alone=alone or len(records) == 1)
            if error is None:
                self._refusal.over()
                return
            self._metrics.produce_failures.inc()
            is_too_large = isinstance(error, _TOO_LARGE)
            is_another = is_too_large and (not alone or left != records)  # attempt that comes next
            pause = 0.0 if is_another else self._refusal.again(error)
            records, alone = left, is_too_large  # else the others of its batch would pass for too large
            await self.stop()
            if await is_set_within(abandoned, pause):
                self._refusal.over()  # for us; who has the records now will tell
                raise AbandonedError

    async def _attempt(
        self, records: Sequence[OutgoingRecord], *, alone: bool
    ) -> tuple[list[OutgoingRecord], Exception | None]:
        """Produce, each `alone` or all together; return what is to be tried again, and a reason.

        What is too large is the first of the reasons, as it is ours to do something about.
        """
        try:
            if self._producer is None:
                await self.start()
        except (KafkaError, KafkaSecurityError) as error:
            return list(records), error
        outcomes = await self._send(records, 0 if alone else IN_FLIGHT_BYTES)
        refused = [(record, error) for record, error in zip(records, outcomes, strict=True) if error]
        again = [
            _shortened(record) if alone and isinstance(error, _TOO_LARGE) else record
            for record, error in refused
        ]
        errors = sorted((error for _, error in refused), key=lambda error: not isinstance(error, _TOO_LARGE))
        return again, errors[0] if errors else None

    async def _send(self, records: Sequence[OutgoingRecord], most_bytes: int) -> list[Exception | None]:
        """Produce once; return for each record None, or why it was refused.

        They are handed over one by one, so that they lie in the topic in this order. After a refusal at this
        point the rest of the topic is not tried: its order would suffer, and each might wait half a minute.
        But what is too large says nothing of others. On their way are at most `most_bytes`, or one record.
        """
        refusals: dict[str, Exception] = {}
        acknowledgements: list[Awaitable[object]] = []
        in_flight = _InFlight(most_bytes)
        for record in records:
            if record.topic not in refusals:
                try:
                    await in_flight.room_for(record)
                    acknowledgements.append(in_flight.add(record, await self._hand_over(record)))
                    continue
                except _TOO_LARGE as error:
                    acknowledgements.append(_failed(error))
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

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._sendings: list[asyncio.Future[object]] = []

    async def room_for(self, record: OutgoingRecord) -> None:
        """Wait until what is in flight has an end, where it would be too much together with this record."""
        if self._sendings and self._bytes + _size(record) > self._most_bytes:
            await asyncio.wait(self._sendings)
            self._bytes, self._sendings = 0, []

    def add(self, record: OutgoingRecord, sending: Awaitable[object]) -> asyncio.Future[object]:
        """Return the acknowledgement that is to come."""
        self._bytes += _size(record)
        self._sendings.append(acknowledgement := asyncio.ensure_future(sending))
        return acknowledgement


def _size(record: OutgoingRecord) -> int:
    return record_bytes(record.key, record.value, record.headers)


async def stop_client(stop: Callable[[], Awaitable[None]]) -> None:
    """Stop an aiokafka client, but do not wait long for a broker that does not answer."""
    with suppress(TimeoutError, KafkaError):
        async with asyncio.timeout(STOP_SECONDS):
            await stop()


async def _failed(error: Exception) -> None:
    raise error


def _shortened(record: OutgoingRecord) -> OutgoingRecord:
    """Return what goes in place of a record that is too large for its topic, which will not change.

    That is a dead letter in a topic whose limit is lower than the input topic's, or one that only compression
    made small enough. First its value goes, then its key and all headers but ours, which say where the
    original lies.
    """
    if record.value:
        log.error("a record is too large for its topic and goes there without its value", topic=record.topic)
        return msgspec.structs.replace(record, key=record.key or b"", value=None)
    log.error("a record is too large for its topic and goes there without its key", topic=record.topic)
    ours = tuple(
        (name, value)
        for name, value in record.headers[-_OWN_HEADERS:]
        if len(name) + len(value or b"") <= _OWN_HEADER_BYTES
    )
    return msgspec.structs.replace(record, key=b"", headers=ours)
