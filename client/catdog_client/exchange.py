"""Sends photos to a model's input topic and reads what comes back on its other two."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Self, TypeAlias

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import (
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
)

from catdog_client.config import Config, KafkaConfig
from catdog_client.errors import ClientError
from catdog_client.outcome import Outcome
from catdog_client.silence import explain_silence
from catdog_client.size_limit import SizeLimit, find_limit
from catdog_common.kafka_batches import bound_batches
from catdog_common.kafka_security import KafkaSecurityError
from catdog_common.messages import ERROR_MESSAGE_HEADER, ID_HEADER, parse_answer

Record: TypeAlias = Any  # an aiokafka.ConsumerRecord, which is not typed

ANY_SIZE = 2**31 - 1  # we look at the size ourselves, and then say what is wrong with it
UNFOLDED_BYTES = 256 * 1024 * 1024  # that a compressed batch may take here; what is larger is left in it


class Exchange:
    """A connection to the topics of one model; an asynchronous context."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._connection = connect(config)
        self._limit: SizeLimit | None = None
        self._producer = new_producer(self._connection)
        bound_batches(UNFOLDED_BYTES)
        self._consumer = AIOKafkaConsumer(**self._connection, group_id=None, enable_auto_commit=False)

    async def __aenter__(self) -> Self:
        try:
            await self._producer.start()
            await self._consumer.start()
            self._limit = await find_limit(
                self._connection, self._config.input_topic, self._config.max_image_bytes
            )
        except KafkaError as error:
            await self.__aexit__()
            raise refused(self._config, error) from error
        except asyncio.CancelledError:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._producer.stop()
        await self._consumer.stop()

    async def listen(self) -> None:
        """Read answers and dead letters from now on.

        Raises:
            ClientError: a topic is not there, may not be read, or has a partition that no broker leads.
        """
        topics = (self._config.output_topic, self._config.dead_letter_topic)
        partitions = [each for topic in topics for each in await self._partitions(topic)]
        self._consumer.assign(partitions)
        try:  # the ends are looked up before anything is sent, or an answer could be missed
            ends = await self._consumer.end_offsets(partitions)
        except KafkaTimeoutError as error:
            raise await explain_silence(self._config, topics, error) from error
        except KafkaError as error:
            raise refused(self._config, error) from error
        for partition, end in ends.items():
            self._consumer.seek(partition, end)

    async def send(self, photo: Path) -> Outcome:
        """Send a photo under an id of its own; return where its record lies, or why it was not sent."""
        try:
            image = await asyncio.to_thread(photo.read_bytes)
        except OSError as error:
            return Outcome(file=str(photo), error=f"cannot be read: {error.strerror}")
        if self._limit and (excess := self._limit.excess(len(image))):
            return Outcome(file=str(photo), error=excess)
        return await self._send_image(str(photo), image)

    async def replies(self) -> AsyncIterator[Outcome]:
        """Yield every answer and every dead letter as an outcome whose file is not known.

        What else somebody writes into the topic of answers is passed over.
        """
        async for record in self._consumer:
            if reply := read_reply(record, self._config.dead_letter_topic):
                yield reply

    async def _send_image(self, file: str, image: bytes) -> Outcome:
        identity = str(uuid.uuid4())
        sent = await send_image(self._producer, self._config.input_topic, image, identity)
        return msgspec.structs.replace(sent, file=file)

    async def _partitions(self, topic: str) -> list[TopicPartition]:
        # The consumer knows only topics that it was told of; the producer asks for any.
        try:
            numbers = await self._producer.partitions_for(topic)
        except TopicAuthorizationFailedError as error:
            raise ClientError(
                f"topic {topic} may not be read: ask for the ACLs Read and Describe on it"
            ) from error
        except KafkaError as error:
            raise ClientError(
                f"topic {topic} is not there: is the model's condition KafkaReady true?"
            ) from error
        return [TopicPartition(topic, number) for number in sorted(numbers)]


def new_producer(connection: dict[str, Any]) -> AIOKafkaProducer:
    """Return a producer of photos that is yet to be started."""
    # Not idempotent: of such aiokafka (0.14) has every record refused after one that the topic refuses.
    return AIOKafkaProducer(**connection, acks="all", max_request_size=ANY_SIZE)


async def send_image(producer: AIOKafkaProducer, topic: str, image: bytes, identity: str) -> Outcome:
    """Send an image under an id; return where its record lies, or why the topic does not take the image.

    Raises:
        ClientError: the topic takes none at all.
    """
    try:
        sent = await producer.send_and_wait(topic, image, headers=[(ID_HEADER, identity.encode())])
    except (MessageSizeTooLargeError, RecordListTooLargeError):
        return Outcome(
            file="", error=f"has {len(image)} bytes, more than topic {topic} takes; make it smaller"
        )
    except TopicAuthorizationFailedError as error:
        raise ClientError(f"topic {topic} may not be written to: ask for the ACL Write on it") from error
    except KafkaError as error:
        raise ClientError(f"topic {topic} does not take photos: {error}") from error
    return Outcome(file="", id=identity, partition=sent.partition, offset=sent.offset)


def read_reply(record: Record, dead_letter_topic: str) -> Outcome | None:
    """Return what a record says of an image, None where it says nothing."""
    return _read_dead_letter(record) if record.topic == dead_letter_topic else _read_answer(record)


def connect(config: KafkaConfig) -> dict[str, Any]:
    """Return the arguments that lead an aiokafka client to Kafka.

    Raises:
        ClientError: a file that lets us in is missing, or can't be read.
    """
    try:
        security = config.login.security.settings()
    except KafkaSecurityError as error:
        raise ClientError(str(error)) from error
    return {"bootstrap_servers": config.kafka_bootstrap_servers, **security}


class RefusedError(ClientError):
    """Kafka does not let us in; `fact` says so without what to do at a terminal."""

    def __init__(self, fact: str) -> None:
        super().__init__(
            f"{fact}; check the certificates, and the address: a model knows the one within its cluster, "
            "--kafka-bootstrap-servers gives another"
        )
        self.fact = fact


def refused(config: KafkaConfig, error: KafkaError | TimeoutError) -> RefusedError:
    """Return what is to be said where Kafka does not let us in."""
    why = "it does not answer" if isinstance(error, TimeoutError) else error
    return RefusedError(f"Kafka at {config.kafka_bootstrap_servers} does not let us in: {why}")


def _read_answer(record: Record) -> Outcome | None:
    """Return what a record of the topic of answers says, None where it is no answer."""
    try:
        answer = parse_answer(record.value or b"")
    except msgspec.DecodeError:
        return None
    return Outcome(
        file="",
        id=answer.id,
        label=answer.label,
        probabilities=answer.probabilities,
        version=answer.model.version,
        partition=answer.source.partition,
        offset=answer.source.offset,
    )


def _read_dead_letter(record: Record) -> Outcome:
    headers = {name: (value or b"").decode(errors="replace") for name, value in record.headers}
    return Outcome(
        file="", id=headers.get(ID_HEADER), error=headers.get(ERROR_MESSAGE_HEADER, "is a dead letter")
    )
