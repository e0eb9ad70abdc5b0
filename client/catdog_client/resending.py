"""Sends dead letters to the input topic again; Kafka keeps them where they are."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    KafkaError,
    MessageSizeTooLargeError,
    TopicAuthorizationFailedError,
)

from catdog_client.config import Config
from catdog_client.dead_letter import DeadLetter, repeated
from catdog_client.errors import ClientError
from catdog_client.exchange import ANY_SIZE, connect, refused
from catdog_client.reading import Record


@asynccontextmanager
async def producing(config: Config) -> AsyncIterator[AIOKafkaProducer]:
    """Give a producer whose records are acknowledged by all replicas in sync.

    Raises:
        ClientError: Kafka does not let us in.
    """
    producer = AIOKafkaProducer(
        **connect(config), acks="all", enable_idempotence=True, max_request_size=ANY_SIZE
    )
    try:
        await producer.start()
    except KafkaError as error:
        await producer.stop()
        raise refused(config, error) from error
    try:
        yield producer
    finally:
        await producer.stop()


def lost(letter: DeadLetter) -> str | None:
    """Return why a dead letter can't be sent again, None where it can."""
    if letter.size is not None:
        return None
    place = letter.source and f"{letter.source.topic}/{letter.source.partition}/{letter.source.offset}"
    return "can't be sent: its bytes are not there" + (f"; the original lies at {place}" if place else "")


async def resend(producer: AIOKafkaProducer, record: Record, topic: str) -> str | None:
    """Send a dead letter to `topic` until it lies there; return why the topic refuses it, if it does.

    Raises:
        ClientError: the topic takes nothing from us.
    """
    outgoing = repeated(record, topic)
    try:
        await producer.send_and_wait(topic, outgoing.value, key=outgoing.key, headers=list(outgoing.headers))
    except MessageSizeTooLargeError:
        return f"is too large for topic {topic}"
    except TopicAuthorizationFailedError as error:
        raise ClientError(f"topic {topic} may not be written to: ask for the ACL Write on it") from error
    except KafkaError as error:
        raise ClientError(f"topic {topic} does not take it: {error}") from error
    return None
