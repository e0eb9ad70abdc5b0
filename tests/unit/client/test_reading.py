"""What a watch knows of its places when a topic gets more partitions; a real broker has the rest tested."""

import asyncio
from types import SimpleNamespace

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaTimeoutError

from catdog_client.exchange import Record
from catdog_client.reading import add_new_partitions, overlap, read_between
from catdog_client.silence import tell_silence

OLD, OTHER, NEW = TopicPartition("d", 0), TopicPartition("o", 0), TopicPartition("d", 1)


class Consumer:
    """As aiokafka's: an assignment forgets the places of the one before."""

    def __init__(self) -> None:
        self.places: dict[TopicPartition, int | None] = {OLD: 7, OTHER: 3}
        self.there: dict[str, set[int] | None] = {"d": {0}, "o": {0}}
        self.assigned = 0

    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset(self.places)

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        return self.there[topic]

    async def position(self, partition: TopicPartition) -> int | None:
        return self.places[partition]

    def assign(self, partitions: list[TopicPartition]) -> None:
        assert isinstance(partitions, list), "aiokafka takes no other"
        self.assigned += 1
        self.places = dict.fromkeys(partitions)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self.places[partition] = offset


async def test_a_partition_that_was_added_is_read_from_its_beginning_and_others_go_on() -> None:
    consumer = Consumer()
    consumer.there["d"] = {0, 1}
    await add_new_partitions(consumer, ["d", "o"])
    assert consumer.places == {OLD: 7, OTHER: 3, NEW: None}, "None: as auto_offset_reset says"


async def test_while_nothing_was_added_nothing_is_assigned() -> None:
    consumer = Consumer()
    consumer.there["o"] = None  # as while the metadata are fetched anew
    await add_new_partitions(consumer, ["d", "o"])
    assert consumer.assigned == 0


def test_ranges_overlap_where_both_are() -> None:
    assert overlap(range(3, 10), range(5, 21)) == range(5, 10)
    assert not overlap(range(3), range(5, 21))


class Broker:
    """A consumer of partitions, some of which nobody leads; one that was lost has no place."""

    def __init__(self, records: dict[TopicPartition, int], lost: TopicPartition | None = None) -> None:
        self.records, self.lost = records, lost
        self.places: dict[TopicPartition, int] = {}

    def assign(self, partitions: list[TopicPartition]) -> None:
        self.places = dict.fromkeys(partitions, 0)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self.places[partition] = offset

    def pause(self, partition: TopicPartition) -> None:
        self.records[partition] = 0

    async def position(self, partition: TopicPartition) -> int:
        if partition == self.lost:
            await asyncio.Event().wait()
        return self.places[partition]

    async def getmany(self, timeout_ms: int) -> dict[TopicPartition, list[Record]]:
        await asyncio.sleep(min(timeout_ms, 1) / 1000)
        found: dict[TopicPartition, list[Record]] = {}
        for partition, place in self.places.items():
            if place < self.records[partition]:
                found[partition] = [SimpleNamespace(partition=partition.partition, offset=place)]
                self.places[partition] += 1
        return found


async def drain(broker: Broker, wanted: dict[TopicPartition, range], found: list[int]) -> None:
    async for record in read_between(broker, wanted, patience=0.2):
        found.append(record.offset)  # noqa: PERF401 - what comes before an error counts


async def test_what_is_wanted_is_read_and_what_came_later_is_left() -> None:
    broker = Broker({OLD: 9, NEW: 9})
    found = [each async for each in read_between(broker, {OLD: range(2, 4), NEW: range(8, 9)}, patience=5)]
    assert {(each.partition, each.offset) for each in found} == {(0, 2), (0, 3), (1, 8)}


async def test_a_partition_that_gives_nothing_is_told_after_the_others_were_read() -> None:
    broker, found = Broker({OLD: 9, NEW: 0}), list[int]()
    with pytest.raises(KafkaTimeoutError, match=r"nothing came of partition 1 within 0\.2 s"):
        await drain(broker, {OLD: range(9), NEW: range(1)}, found)
    assert found == [*range(9)]


async def test_a_place_that_is_lost_and_not_found_again_is_no_reason_to_wait_for_ever() -> None:
    broker = Broker({OLD: 9}, lost=OLD)
    with pytest.raises(KafkaTimeoutError, match="nothing came of partition 0"):
        await drain(broker, {OLD: range(9)}, [])


def test_a_silence_is_told_by_the_partitions_that_have_no_leader() -> None:
    assert str(tell_silence(["d", "o"], {"d": (2,), "o": ()}, "timeout")) == (
        "partition 2 of topic d has no leader, and can't be read; see that all brokers run"
    )
    assert str(tell_silence(["d", "o"], {"d": (0, 2), "o": (1,)}, "timeout")) == (
        "partition 0 of topic d, partition 2 of topic d, partition 1 of topic o have no leader, and can't be "
        "read; see that all brokers run"
    )


def test_a_silence_of_brokers_that_say_nothing_either_is_told_by_what_the_client_said() -> None:
    assert str(tell_silence(["d"], {}, "nothing came of partition 1 within 40 s")) == (
        "topic d can't be read: nothing came of partition 1 within 40 s; see that all brokers run"
    )
