"""The newest dead letters of a model, and the bytes of each."""

import asyncio
import heapq
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

import msgspec

from catdog_client.dead_letter import Selection, read_dead_letter, saved_name
from catdog_client.errors import ClientError
from catdog_client.exchange import Record
from catdog_common.kafka_batches import Folded
from catdog_console.places import Places
from catdog_console.thumbnails import Thumbnails
from catdog_console.views_of_kafka import LetterFile, ModelTopics, ShownLetter

MOST = 25
_MOST_READ = 200  # records, as others' dead letters may lie among them
_MOST_BYTES = 64 * 1024 * 1024
PATIENCE_SECONDS = 20.0  # with a topic; what was read of it until then is known the next time

Place: TypeAlias = tuple[int, int]  # partition, offset
Show: TypeAlias = "Callable[[Record], Awaitable[ShownLetter | None]]"


class _Read(msgspec.Struct, frozen=True):
    """A record of the topic: when it was written, and the dead letter, if it is one of this model's."""

    timestamp: int  # milliseconds since the epoch
    shown: ShownLetter | None


class DeadLetters:
    """The dead letters of one model; what was read once is known, as a record never changes."""

    def __init__(
        self,
        topics: ModelTopics,
        places: Places,
        thumbnails: Thumbnails,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._topic, self._patience = topics.dead_letters, patience
        self._selection = Selection(source_topic=topics.input)
        self._places, self._thumbnails = places, thumbnails
        self._known = dict[Place, _Read]()
        self._turn = asyncio.Lock()

    async def newest(self) -> tuple[ShownLetter, ...]:
        """Return the newest, newest first.

        Raises:
            ClientError: they can't be read.
        """
        async with self._turn:
            search = _Search(self._places, self._topic, self._known, self._show)
            try:
                async with asyncio.timeout(self._patience):
                    found = await search.newest()
            except TimeoutError as error:
                self._known |= search.met
                raise ClientError(
                    f"the dead letters were not read within {self._patience:g} s, as Kafka is slow: try again"
                ) from error
            self._known = search.met  # and no more, so that it does not grow
            return found

    async def file(self, partition: int, offset: int) -> LetterFile | None:
        """Return the bytes of one; None: there is none (any more), or its bytes can't be read.

        Raises:
            ClientError: they can't be read now.
        """
        record = await self._places.read(self._topic, partition, offset)
        if record is None or record.value is None or isinstance(record.value, Folded):
            return None
        letter = read_dead_letter(record)
        return LetterFile(saved_name(letter), record.value) if self._selection.takes(letter) else None

    async def _show(self, record: Record) -> ShownLetter | None:
        letter = read_dead_letter(record)
        if not self._selection.takes(letter):
            return None
        if not record.value:
            return ShownLetter(letter)
        name = f"letter-{record.partition}-{record.offset}"
        return ShownLetter(letter, await self._thumbnails.draw(name, record.value))


class _Search:
    """One look through a topic from its end, all partitions at once: no more is read than is shown.

    There is no reading of headers alone, and a dead letter may be as large as an image.
    """

    def __init__(self, places: Places, topic: str, known: Mapping[Place, _Read], show: Show) -> None:
        self._places, self._topic, self._known, self._show = places, topic, known, show
        self.met = dict[Place, _Read]()
        self._records, self._bytes = _MOST_READ, _MOST_BYTES  # that may be read yet

    async def newest(self) -> tuple[ShownLetter, ...]:
        bounds = await self._places.bounds(self._topic)
        heads = [head for each in bounds.items() if (head := await self._last(*each))]
        heapq.heapify(heads)
        found = list[ShownLetter]()
        while heads and len(found) < MOST:
            _, partition, offset = heapq.heappop(heads)
            if (shown := self.met[partition, offset].shown) is not None:
                found.append(shown)
            if head := await self._last(partition, range(bounds[partition].start, offset)):
                heapq.heappush(heads, head)
        return tuple(found)

    async def _last(self, partition: int, offsets: range) -> tuple[int, int, int] | None:
        """Return the newest record of these offsets, by its age and place; there may be gaps."""
        for offset in reversed(offsets):
            read = self._known.get((partition, offset)) or await self._read(partition, offset)
            if read is not None:
                self.met[partition, offset] = read
                return -read.timestamp, partition, offset
            if not self._may_go_on:
                return None
        return None

    async def _read(self, partition: int, offset: int) -> _Read | None:
        if not self._may_go_on:
            return None
        record = await self._places.read(self._topic, partition, offset)
        self._records -= 1
        if record is None:
            return None
        self._bytes -= len(record.value or b"")
        return _Read(record.timestamp, await self._show(record))

    @property
    def _may_go_on(self) -> bool:
        return self._records > 0 and self._bytes > 0
