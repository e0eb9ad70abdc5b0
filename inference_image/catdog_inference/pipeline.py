"""The worker's stages: decode, predict, publish, each beside the others and in the order of the records."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from catdog_common.kafka_batches import Folded
from catdog_common.messages import OutgoingRecord, SourceRecord, tell_uncarried
from catdog_inference.classify import Classifier, Decoded, Verdict
from catdog_inference.metrics import Metrics
from catdog_inference.publisher import AbandonedError, Publisher
from catdog_inference.waiting import side_by_side

# Batches between two stages, so that neither waits for the other's every move.
AHEAD = 1

# What one thread decodes in one go, at the most: enough that the way there and back costs little, and few
# enough that several threads have a part in a batch.
DECODED_TOGETHER = 8
DECODED_TOGETHER_BYTES = 512 * 1024  # but for a single record


class Flight:
    """Records that are to be answered together or not at all: they go when their partitions do."""

    def __init__(self) -> None:
        self.abandoned = asyncio.Event()


class Together:
    """Records that one thread decodes in one go: a few of those that come within a turn of the event loop."""

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier
        self._values = list[bytes | None]()
        self._bytes = 0
        self._is_begun = False
        self.decoding = asyncio.create_task(self._decode())  # it begins with the loop's next turn

    def has_room_for(self, value: bytes | None) -> bool:
        """Whether one more value may be decoded with those that are there."""
        fits = self._bytes + len(value or b"") <= DECODED_TOGETHER_BYTES
        return fits and len(self._values) < DECODED_TOGETHER and not self._is_begun

    def add(self, value: bytes | None) -> int:
        """Take a value, and return its number among them."""
        self._values.append(value)
        self._bytes += len(value or b"")
        return len(self._values) - 1

    async def _decode(self) -> list[Decoded]:
        self._is_begun = True
        return await self._classifier.decode(self._values)


class Item(NamedTuple):
    """A record on its way, and what decoding it comes to, and those that are decoded with it."""

    record: SourceRecord
    flight: Flight
    decoding: asyncio.Task[list[Decoded]]
    number: int  # of this record among those

    @property
    def decoded(self) -> Decoded:
        """What came of it."""
        return self.decoding.result()[self.number]


class Answered(NamedTuple):
    """Records and what is said of them."""

    flight: Flight
    records: tuple[SourceRecord, ...]
    verdicts: tuple[Verdict, ...]


class BatchSettings(msgspec.Struct, frozen=True):
    """How large a batch may get, and how long it waits for more."""

    size: int
    delay_seconds: float


class Pipeline:
    """Takes records, and says of each when what became of it is acknowledged."""

    def __init__(
        self,
        classifier: Classifier,
        publisher: Publisher,
        metrics: Metrics,
        *,
        write: Callable[[SourceRecord, Verdict], OutgoingRecord | None],
        done: Callable[[Sequence[SourceRecord], Sequence[Verdict]], None],
        batches: BatchSettings,
    ) -> None:
        self._classifier = classifier
        self._publisher = publisher
        self._metrics = metrics
        self._write = write
        self._done = done
        self._batches = batches
        self._waiting = deque[Item]()
        self._together: Together | None = None
        self._arrived = asyncio.Event()
        self._predicted: asyncio.Queue[Answered] = asyncio.Queue(AHEAD)
        self._flight = Flight()

    def put(self, record: SourceRecord) -> None:
        """Begin with a record."""
        uncarried = tell_uncarried(record)
        value = record.value if uncarried is None else Folded(uncarried)
        if self._together is None or not self._together.has_room_for(value):
            self._together = Together(self._classifier)
        number = self._together.add(value)
        self._waiting.append(Item(record, self._flight, self._together.decoding, number))
        self._arrived.set()

    def abandon(self) -> None:
        """Drop all that is not published; of what is being published, nobody is told any more."""
        self._flight.abandoned.set()
        self._flight, self._together = Flight(), None
        while self._waiting:
            self._waiting.popleft().decoding.cancel()

    async def run(self) -> None:
        """Work without end."""
        await side_by_side(self._predict(), self._publish())

    async def _predict(self) -> None:
        while True:
            items = await self._next_batch()
            await asyncio.wait({item.decoding for item in items})
            flight = items[0].flight
            if flight.abandoned.is_set():
                continue
            self._metrics.batch_size.observe(len(items))
            verdicts = await self._classifier.predict([item.decoded for item in items])
            await self._predicted.put(Answered(flight, tuple(item.record for item in items), tuple(verdicts)))

    async def _next_batch(self) -> list[Item]:
        """Return what there is when its first is decoded and a little has been waited for more."""
        await self._await_waiting()
        deadline = asyncio.get_running_loop().time() + self._batches.delay_seconds
        await asyncio.wait([self._waiting[0].decoding]) if self._waiting else None
        while 0 < len(self._waiting) < self._batches.size:
            self._arrived.clear()
            try:
                async with asyncio.timeout_at(deadline):
                    await self._arrived.wait()
            except TimeoutError:
                break
        items = list[Item]()
        while self._waiting and len(items) < self._batches.size:
            items.append(self._waiting.popleft())
        return items or await self._next_batch()

    async def _await_waiting(self) -> None:
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()

    async def _publish(self) -> None:
        while True:
            flight, records, verdicts = await self._predicted.get()
            if flight.abandoned.is_set():
                continue  # whoever has their partitions answers them; after that, ours would be out of order
            written = [
                self._write(record, verdict) for record, verdict in zip(records, verdicts, strict=True)
            ]
            outgoing = [record for record in written if record is not None]
            try:
                with self._metrics.stage("produce"):
                    await self._publisher.publish(outgoing, flight.abandoned)
            except AbandonedError:
                continue
            if not flight.abandoned.is_set():
                self._done(records, verdicts)
