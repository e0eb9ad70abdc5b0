"""Sends photos to a model's input topic and reads what comes back on its other two."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Self

import aiokafka
import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import (
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
)

from catdog_client.config import Config, KafkaConfig
from catdog_client.errors import ClientError
from catdog_client.outcome import Outcome
from catdog_client.size_limit import SizeLimit, find_limit
from catdog_common.kafka_security import KafkaSecurityError
from catdog_common.messages import ERROR_MESSAGE_HEADER, ID_HEADER, parse_answer

ANY_SIZE = 2**31 - 1  # we look at the size ourselves, and then say what is wrong with it


class Exchange:
    """A connection to the topics of one model; an asynchronous context."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._connection = connect(config)
        self._limit: SizeLimit | None = None
        # Not idempotent: of such aiokafka (0.14) has every record refused after one that the topic refuses.
        self._producer = AIOKafkaProducer(**self._connection, acks="all", max_request_size=ANY_SIZE)
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
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._producer.stop()
        await self._consumer.stop()

    async def listen(self) -> None:
        """Read answers and dead letters from now on.

        Raises:
            ClientError: a topic is not there, or may not be read.
        """
        topics = (self._config.output_topic, self._config.dead_letter_topic)
        partitions = [each for topic in topics for each in await self._partitions(topic)]
        self._consumer.assign(partitions)
        await self._consumer.seek_to_end()
        for (
            partition
        ) in partitions:  # the ends are looked up before anything is sent, or an answer could be missed
            await self._consumer.position(partition)

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
            if record.topic == self._config.dead_letter_topic:
                yield _read_dead_letter(record)
            elif answer := _read_answer(record):
                yield answer

    async def _send_image(self, file: str, image: bytes) -> Outcome:
        identity = str(uuid.uuid4())
        topic = self._config.input_topic
        try:
            sent = await self._producer.send_and_wait(topic, image, headers=[(ID_HEADER, identity.encode())])
        except (MessageSizeTooLargeError, RecordListTooLargeError):
            return Outcome(
                file=file, error=f"has {len(image)} bytes, more than topic {topic} takes; make it smaller"
            )
        except TopicAuthorizationFailedError as error:
            raise ClientError(f"topic {topic} may not be written to: ask for the ACL Write on it") from error
        except KafkaError as error:
            raise ClientError(f"topic {topic} does not take photos: {error}") from error
        return Outcome(file=file, id=identity, partition=sent.partition, offset=sent.offset)

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


def refused(config: KafkaConfig, error: KafkaError) -> ClientError:
    """Return what is to be said where Kafka does not let us in."""
    return ClientError(
        f"Kafka at {config.kafka_bootstrap_servers} does not let us in: {error}; check the certificates, and "
        "the address: a model knows the one within its cluster, --kafka-bootstrap-servers gives another"
    )


def _read_answer(record: aiokafka.ConsumerRecord[Any, Any]) -> Outcome | None:
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


def _read_dead_letter(record: aiokafka.ConsumerRecord[Any, Any]) -> Outcome:
    headers = {name: (value or b"").decode(errors="replace") for name, value in record.headers}
    return Outcome(
        file="", id=headers.get(ID_HEADER), error=headers.get(ERROR_MESSAGE_HEADER, "is a dead letter")
    )
