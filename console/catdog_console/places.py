"""Reads single records where they lie, so that it costs the same however much else a topic holds."""

import asyncio
from collections.abc import Callable
from time import monotonic

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import (
    KafkaError,
    OffsetOutOfRangeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)

from catdog_client.config import KafkaConfig
from catdog_client.errors import ClientError
from catdog_client.exchange import Record, connect, refused
from catdog_common.kafka_batches import bound_batches
from catdog_common.kafka_security import KafkaSecurityError
from catdog_common.kafka_topic import find_partitions

# That a compressed batch may take, and twice that for a moment, of the memory that the console's pod has: the
# batch may be anyone's who writes to a topic. What is larger is left in it.
UNFOLDED_BYTES = 32 * 1024 * 1024

_CLIENT_ID = "catdog-console"
_PATIENCE_SECONDS = 5.0  # with a record that is there
_METADATA_SECONDS = 20.0  # until it is asked again which partitions a topic has
_LARGEST_OFFSET = 2**63 - 1


class Places:
    """Records by topic, partition and offset; connected from the first that is read until it is closed."""

    def __init__(self, config: Callable[[], KafkaConfig]) -> None:
        self._config = config
        self._consumer: AIOKafkaConsumer | None = None
        self._turn = asyncio.Lock()
        self._partitions: dict[str, tuple[float, frozenset[int]]] = {}

    async def close(self) -> None:
        """Disconnect, until something is read again."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()

    async def read(self, topic: str, partition: int, offset: int) -> Record | None:
        """Return the record that lies there; None: none does (any more), or it does not come.

        Raises:
            ClientError: Kafka lets us not in, or the topic is not there, or may not be read.
        """
        async with self._turn:
            if offset not in range(_LARGEST_OFFSET) or partition not in await self._partitions_of(topic):
                return None
            try:
                return await self._read(await self._connected(), TopicPartition(topic, partition), offset)
            except OffsetOutOfRangeError:
                return None
            except KafkaError as error:
                await self.close()
                raise _told(self._config(), topic, error) from error

    async def bounds(self, topic: str) -> dict[int, range]:
        """Return where the records lie that a topic has now, by partition.

        Raises:
            ClientError: as above.
        """
        async with self._turn:
            places = [TopicPartition(topic, each) for each in sorted(await self._partitions_of(topic))]
            try:
                consumer = await self._connected()
                begins = await consumer.beginning_offsets(places)
                ends = await consumer.end_offsets(places)
            except KafkaError as error:
                await self.close()
                raise _told(self._config(), topic, error) from error
            return {each.partition: range(begins[each], ends[each]) for each in places}

    async def _read(self, consumer: AIOKafkaConsumer, place: TopicPartition, offset: int) -> Record | None:
        # An assignment of its own for each, so that what was fetched ahead for the one before is in no way.
        consumer.assign([place])
        consumer.seek(place, offset)
        found = await consumer.getmany(place, timeout_ms=int(1000 * _PATIENCE_SECONDS), max_records=1)
        consumer.pause(place)  # before it fetches ahead
        records = found.get(place, [])
        if (
            not records
        ):  # of a consumer whose password is renewed nothing comes, and no error: the next is new
            await self.close()
        return records[0] if records and records[0].offset == offset else None

    async def _connected(self) -> AIOKafkaConsumer:
        if self._consumer is not None:
            return self._consumer
        bound_batches(UNFOLDED_BYTES)
        consumer = AIOKafkaConsumer(
            **connect(self._config()),
            client_id=_CLIENT_ID,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none",
            # Less than any record has: a broker then gives the one batch that holds it (KIP-74).
            max_partition_fetch_bytes=1,
        )
        try:
            await consumer.start()
        except BaseException:  # it closes nothing itself
            await consumer.stop()
            raise
        self._consumer = consumer
        return consumer

    async def _partitions_of(self, topic: str) -> frozenset[int]:
        asked, known = self._partitions.get(topic, (-_METADATA_SECONDS, frozenset[int]()))
        if monotonic() - asked < _METADATA_SECONDS:
            return known
        config = self._config()
        try:
            found = frozenset(await find_partitions(config.login, topic, _CLIENT_ID))
        except KafkaError as error:
            raise _told(config, topic, error) from error
        except KafkaSecurityError as error:
            raise ClientError(str(error)) from error
        self._partitions[topic] = monotonic(), found
        return found


def _told(config: KafkaConfig, topic: str, error: KafkaError) -> ClientError:
    if isinstance(error, TopicAuthorizationFailedError):
        return ClientError(f"topic {topic} may not be read: ask for the ACLs Read and Describe on it")
    if isinstance(error, UnknownTopicOrPartitionError):
        return ClientError(f"topic {topic} is not there: is the model's condition KafkaReady true?")
    return refused(config, error)
