"""What was taken from Kafka and is not committed, and up to where each partition may be."""

from collections.abc import Iterable
from itertools import takewhile
from typing import NamedTuple

from aiokafka import TopicPartition


class Place(NamedTuple):
    """Where a record lies."""

    partition: TopicPartition
    offset: int


class Ledger:
    """Keeps every record from its taking until it is committed.

    A partition is committed up to its first record that is not done with: nothing is lost, and what is
    answered again after a fault is no more than the records that are here.
    """

    def __init__(self) -> None:
        self._open: dict[TopicPartition, dict[int, int | None]] = {}  # offset → bytes, None when done with
        self.records = 0  # taken, and not committed
        self.bytes = 0  # of those that are not done with

    @property
    def idle(self) -> bool:
        """Whether all that was taken is committed."""
        return self.records == 0

    def first(self, partition: TopicPartition) -> int | None:
        """Return the first offset of a partition that is not committed, None where nothing was taken."""
        return next(iter(self._open.get(partition, {})), None)

    def take(self, place: Place, size: int) -> None:
        """Note a record that was taken; of a partition they come in the order of their offsets."""
        self._open.setdefault(place.partition, {})[place.offset] = size
        self.records += 1
        self.bytes += size

    def finish(self, places: Iterable[Place]) -> None:
        """Note that records are answered, or lie among the dead letters."""
        for partition, offset in places:
            self.bytes -= self._open[partition][offset] or 0
            self._open[partition][offset] = None

    def due(self) -> dict[TopicPartition, int]:
        """Return the offsets that may be committed, and were not."""
        done = {partition: _first_done(taken) for partition, taken in self._open.items()}
        return {partition: offsets[-1] + 1 for partition, offsets in done.items() if offsets}

    def commit(self, offsets: dict[TopicPartition, int]) -> None:
        """Note that offsets are committed."""
        for partition, end in offsets.items():
            taken = self._open.get(partition, {})
            for offset in [each for each in taken if each < end]:
                del taken[offset]
                self.records -= 1

    def forget(self) -> None:
        """Let go of all: whoever has the partitions now takes their records again."""
        self._open = {}
        self.records = self.bytes = 0


def _first_done(taken: dict[int, int | None]) -> list[int]:
    return [offset for offset, _ in takewhile(lambda each: each[1] is None, taken.items())]
