"""What a watch knows of its places when a topic gets more partitions; a real broker has the rest tested."""

from aiokafka import TopicPartition

from catdog_client.reading import add_new_partitions, overlap

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
