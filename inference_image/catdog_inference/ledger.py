"""What was taken from Kafka and is not done with, and up to where each partition may be committed."""

from collections.abc import Iterable
from typing import NamedTuple

from aiokafka import TopicPartition


class Place(NamedTuple):
    """Where a record lies."""

    partition: TopicPartition
    offset: int


class Ledger:
    """Keeps every record from its taking until it is committed; a record is done with out of turn, too.

    A partition is committed up to its first record that is not done with: nothing is lost, and what is
    answered again after a fault is no more than what was in flight.
    """

    def __init__(self) -> None:
        self._open: dict[TopicPartition, dict[int, int | None]] = {}  # offset → bytes, None when done with
        self._due: dict[TopicPartition, int] = {}
        self.records = 0  # in flight
        self.bytes = 0  # of their values

    @property
    def idle(self) -> bool:
        """Whether nothing is in flight, and nothing left to be committed."""
        return self.records == 0 and not self._due

    def take(self, place: Place, size: int) -> None:
        """Note a record that was taken; of a partition they come in the order of their offsets."""
        self._open.setdefault(place.partition, {})[place.offset] = size
        self.records += 1
        self.bytes += size

    def finish(self, places: Iterable[Place]) -> None:
        """Note that records are answered, or lie among the dead letters."""
        for partition, offset in places:
            taken = self._open[partition]
            self.records -= 1
            self.bytes -= taken[offset] or 0
            taken[offset] = None
            while taken and next(iter(taken.values())) is None:
                first = next(iter(taken))
                del taken[first]
                self._due[partition] = first + 1

    def due(self) -> dict[TopicPartition, int]:
        """Return the offsets that may be committed, and were not."""
        return dict(self._due)

    def commit(self, offsets: dict[TopicPartition, int]) -> None:
        """Note that offsets are committed."""
        for partition, offset in offsets.items():
            if self._due.get(partition) == offset:
                del self._due[partition]

    def forget(self) -> None:
        """Let go of all: whoever has the partitions now takes their records again."""
        self._open, self._due = {}, {}
        self.records = self.bytes = 0
