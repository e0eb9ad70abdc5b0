"""Reads a topic's records between offsets, as nobody of a consumer group and once."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from time import monotonic

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaConnectionError

from catdog_common.artifact import PartitionOffsets
from catdog_common.kafka_batches import bound_batches
from catdog_common.kafka_binding import KafkaLogin

CLIENT_ID = "catdog-trainer"
_FETCH_BYTES = 16 * 1024 * 1024
_PARTITION_FETCH_BYTES = 2 * 1024 * 1024
_UNFOLDED_BYTES = 256 * 1024 * 1024  # that a compressed batch may come to; what is larger stays folded
_POLL_MILLISECONDS = 1000
_STALL_SECONDS = 60.0  # without any progress: aiokafka itself waits for a broker for ever


@asynccontextmanager
async def consuming(login: KafkaLogin) -> AsyncIterator[AIOKafkaConsumer]:
    """Give a consumer of no group, which is assigned nothing yet.

    Raises:
        KafkaError: no broker answers.
        KafkaSecurityError: what we would be let in by is missing.
    """
    bound_batches(_UNFOLDED_BYTES)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=login.servers,
        client_id=CLIENT_ID,
        group_id=None,
        auto_offset_reset="none",  # a gap is an error, and not filled by other records
        isolation_level="read_committed",
        fetch_max_bytes=_FETCH_BYTES,
        max_partition_fetch_bytes=_PARTITION_FETCH_BYTES,
        **login.security.settings(),
    )
    try:
        await consumer.start()
        yield consumer
    finally:
        await consumer.stop()


async def bounds_of(
    consumer: AIOKafkaConsumer, topic: str, partitions: Sequence[int]
) -> tuple[PartitionOffsets, ...]:
    """Return what each partition has at this moment.

    Raises:
        KafkaError: the topic is not there, or not for us.
    """
    every = [TopicPartition(topic, partition) for partition in partitions]
    starts = await consumer.beginning_offsets(every)
    ends = await consumer.end_offsets(every)
    return tuple(PartitionOffsets(each.partition, starts[each], ends[each]) for each in every)


def newest(bounds: Sequence[PartitionOffsets], most: int) -> tuple[PartitionOffsets, ...]:
    """Return the newest `most` offsets: from each partition as many as from the others, where it has them."""
    left, chosen = most, []
    by_size = sorted(bounds, key=lambda each: (each.end - each.start, each.partition))
    for number, each in enumerate(by_size):
        count = min(each.end - each.start, left // (len(by_size) - number))
        left -= count
        chosen.append(PartitionOffsets(each.partition, each.end - count, each.end))
    return tuple(sorted(chosen, key=lambda each: each.partition))


async def records_of(
    consumer: AIOKafkaConsumer, topic: str, offsets: Sequence[PartitionOffsets]
) -> AsyncIterator[ConsumerRecord[bytes, bytes]]:
    """Yield the records with these offsets, in the order of each partition.

    Raises:
        OffsetOutOfRangeError: some are no more.
        KafkaConnectionError: nothing has come for a minute.
        KafkaError: the topic is not there any more, or not for us.
    """
    ends = {TopicPartition(topic, each.partition): each.end for each in offsets if each.start < each.end}
    consumer.assign(list(ends))
    for each in offsets:
        if each.start < each.end:
            consumer.seek(TopicPartition(topic, each.partition), each.start)
    seen: dict[TopicPartition, int] = {}
    moved = monotonic()
    while ends:
        batches = await consumer.getmany(*ends, timeout_ms=_POLL_MILLISECONDS)
        for partition, records in batches.items():
            for record in records:
                if record.offset < ends[partition]:
                    yield record
        positions = {partition: await consumer.position(partition) for partition in ends}
        if positions != seen:
            seen, moved = positions, monotonic()
        elif monotonic() - moved > _STALL_SECONDS:
            raise KafkaConnectionError(f"no records within {_STALL_SECONDS:g} s")
        _finish(consumer, ends, positions)


def _finish(
    consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int], positions: Mapping[TopicPartition, int]
) -> None:
    """Fetch no more of the partitions whose end is reached, and forget them."""
    for partition, position in positions.items():
        if position >= ends[partition]:
            consumer.pause(partition)
            del ends[partition]
