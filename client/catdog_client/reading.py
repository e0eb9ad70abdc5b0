"""Reads the topics of a model as a member of no group: nothing is committed, nobody is kept from a record."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from time import monotonic
from typing import TypeAlias

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import (
    KafkaError,
    KafkaTimeoutError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)

from catdog_client.config import KafkaConfig
from catdog_client.errors import ClientError
from catdog_client.exchange import UNFOLDED_BYTES, Record, connect, refused
from catdog_client.silence import explain_silence
from catdog_common.kafka_batches import bound_batches
from catdog_common.kafka_topic import find_partitions

Bounds: TypeAlias = Mapping[int, range]  # partition → offsets

_CLIENT_ID = "catdog"
_FETCH_BYTES = 2 * 1024 * 1024  # of a partition; a larger record comes alone
_POLL_MILLISECONDS = 500
_STALL_SECONDS = 40.0  # as long as aiokafka waits for an answer
_METADATA_MILLISECONDS = 20_000  # how long a partition that is added may go unread


@asynccontextmanager
async def following(
    config: KafkaConfig,
    topics: Sequence[str],
    *,
    from_beginning: bool,
    unfolded_bytes: int = UNFOLDED_BYTES,
) -> AsyncIterator[AsyncIterator[Record]]:
    """Give what comes into the topics from now on, without end; `from_beginning`, first what is there.

    A compressed batch that would take more than `unfolded_bytes` is left in it.

    Raises:
        ClientError: Kafka lets us not in, or a topic is not there, or may not be read.
    """
    async with _consuming(config, topics, unfolded_bytes) as (consumer, partitions):
        consumer.assign(partitions)
        if not from_beginning:
            if not await consumer.seek_to_end():
                raise KafkaTimeoutError("where the topics end was not told in time")
            for partition in partitions:  # else a record that comes now could be passed over
                await consumer.position(partition)
        async with aclosing(_follow(consumer, topics)) as records:
            yield records


async def _follow(consumer: AIOKafkaConsumer, topics: Sequence[str]) -> AsyncGenerator[Record, None]:
    while True:
        for records in (await consumer.getmany(timeout_ms=_POLL_MILLISECONDS)).values():
            for record in records:
                yield record
        await add_new_partitions(consumer, topics)


async def add_new_partitions(consumer: AIOKafkaConsumer, topics: Sequence[str]) -> None:
    """Read partitions that were added, too. Of a subscription aiokafka (0.14) would forget where it was."""
    known = consumer.assignment()
    there = {
        TopicPartition(each, number)
        for each in topics
        for number in consumer.partitions_for_topic(each) or ()
    }
    if there <= known:
        return
    positions = {each: await consumer.position(each) for each in known}
    consumer.assign([*known | there])
    for partition, position in positions.items():
        consumer.seek(partition, position)


async def read_present(
    config: KafkaConfig, topic: str, since: int | None = None, only: Bounds | None = None
) -> AsyncGenerator[Record, None]:
    """Yield the records that a topic has now, of each partition in their order; later ones are left.

    `since` leaves out what is older, in milliseconds since the epoch; `only` names the places wanted.

    Raises:
        ClientError: Kafka lets us not in, or the topic is not there, or may not be read, or a partition
            gives nothing for a time.
    """
    async with _consuming(config, [topic]) as (consumer, partitions):
        chosen = [each for each in partitions if only is None or each.partition in only]
        bounds = await _present_bounds(consumer, chosen, since)
        if only is not None:
            bounds = {number: overlap(each, only[number]) for number, each in bounds.items()}
        wanted = {TopicPartition(topic, number): each for number, each in bounds.items() if each}
        async with aclosing(read_between(consumer, wanted)) as records:
            async for record in records:
                yield record


async def read_between(
    consumer: AIOKafkaConsumer,
    wanted: Mapping[TopicPartition, range],
    patience: float = _STALL_SECONDS,
) -> AsyncGenerator[Record, None]:
    """Yield the records with these offsets.

    Raises:
        KafkaTimeoutError: for `patience` seconds nothing came; aiokafka itself waits for a broker for ever.
    """
    consumer.assign(list(wanted))
    for partition, offsets in wanted.items():
        consumer.seek(partition, offsets.start)
    left, seen, moved = dict(wanted), dict[TopicPartition, int](), monotonic()
    while left:
        found = await consumer.getmany(timeout_ms=_POLL_MILLISECONDS)
        for partition, records in found.items():
            for record in records:
                if partition in left and record.offset in left[partition]:
                    yield record
        positions = await _positions(consumer, left, patience)
        if positions != seen:
            seen, moved = positions, monotonic()
        elif monotonic() - moved > patience:
            raise _nothing_came(left, patience)
        _forget_finished(consumer, left, positions)


def overlap(one: range, other: range) -> range:
    """Return what two ranges of step 1 have in common."""
    start = max(one.start, other.start)
    return range(start, max(start, min(one.stop, other.stop)))


@asynccontextmanager
async def _consuming(
    config: KafkaConfig, topics: Sequence[str], unfolded_bytes: int = UNFOLDED_BYTES
) -> AsyncIterator[tuple[AIOKafkaConsumer, list[TopicPartition]]]:
    """Give a consumer of nothing yet, and the partitions of the topics."""
    bound_batches(unfolded_bytes)
    # "earliest": of a partition that is added later all is new; and where what there was is removed while it
    # is read, the reading goes on with what is left.
    consumer = AIOKafkaConsumer(
        **connect(config),
        client_id=_CLIENT_ID,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=_FETCH_BYTES,
        metadata_max_age_ms=_METADATA_MILLISECONDS,
    )
    try:
        partitions = [each for topic in topics for each in await _partitions(config, topic)]
        await consumer.start()
        yield consumer, partitions
    except TopicAuthorizationFailedError as error:
        raise ClientError(_may_not_be_read(", ".join(topics))) from error
    except KafkaTimeoutError as error:
        raise await explain_silence(config, topics, error) from error
    except KafkaError as error:
        raise refused(config, error) from error
    finally:
        await consumer.stop()


async def _partitions(config: KafkaConfig, topic: str) -> list[TopicPartition]:
    try:
        numbers = await find_partitions(config.login, topic, _CLIENT_ID)
    except UnknownTopicOrPartitionError as error:
        raise ClientError(f"topic {topic} is not there: is the model's condition KafkaReady true?") from error
    except TopicAuthorizationFailedError as error:
        raise ClientError(_may_not_be_read(topic)) from error
    return [TopicPartition(topic, number) for number in numbers]


async def _present_bounds(
    consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition], since: int | None
) -> dict[int, range]:
    begins, ends = await consumer.beginning_offsets(partitions), await consumer.end_offsets(partitions)
    if since is not None:
        # None for a partition that has nothing of then or later.
        later = await consumer.offsets_for_times(dict.fromkeys(partitions, since))
        begins = {each: later[each].offset if later[each] else ends[each] for each in partitions}
    return {each.partition: range(begins[each], ends[each]) for each in partitions}


async def _positions(
    consumer: AIOKafkaConsumer, left: Mapping[TopicPartition, range], patience: float
) -> dict[TopicPartition, int]:
    try:
        async with asyncio.timeout(patience):
            return {each: await consumer.position(each) for each in left}
    except TimeoutError as error:  # one that was lost, and that no leader gives anew
        raise _nothing_came(left, patience) from error


def _nothing_came(left: Iterable[TopicPartition], patience: float) -> KafkaTimeoutError:
    numbers = ", ".join(str(each.partition) for each in sorted(left))
    return KafkaTimeoutError(f"nothing came of partition {numbers} within {patience:g} s")


def _forget_finished(
    consumer: AIOKafkaConsumer, left: dict[TopicPartition, range], positions: Mapping[TopicPartition, int]
) -> None:
    """Forget the partitions that are read: by position, as an offset may be a transaction's end."""
    for partition, position in positions.items():
        if position >= left[partition].stop:
            consumer.pause(partition)
            del left[partition]


def _may_not_be_read(topic: str) -> str:
    return f"topic {topic} may not be read: ask for the ACLs Read and Describe on it"
