"""Sends dead letters to the input topic again; Kafka keeps them where they are."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)

from catdog_client.config import Config
from catdog_client.dead_letter import DeadLetter, repeated
from catdog_client.errors import ClientError
from catdog_client.exchange import ANY_SIZE, Record, connect, refused
from catdog_common.kafka_topic import find_partitions

_STALL_SECONDS = 60.0
_END_SECONDS = 10.0


@asynccontextmanager
async def producing(config: Config) -> AsyncIterator[AIOKafkaProducer]:
    """Give a producer for the input topic, whose records are acknowledged by all replicas in sync.

    Raises:
        ClientError: Kafka does not let us in, or the topic is not there, or not for us to write to.
    """
    # Not idempotent: of such aiokafka (0.14) has every record refused after one that the topic refuses.
    producer = AIOKafkaProducer(**connect(config), acks="all", max_request_size=ANY_SIZE)
    try:
        await _start(producer, config)
        yield producer
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(_END_SECONDS):
                await producer.stop()


async def _start(producer: AIOKafkaProducer, config: Config) -> None:
    topic = config.input_topic
    try:
        await find_partitions(config.login, topic, "catdog")
        await producer.start()
    except UnknownTopicOrPartitionError as error:
        raise ClientError(f"topic {topic} is not there: is the model's condition KafkaReady true?") from error
    except TopicAuthorizationFailedError as error:
        raise _denied(topic) from error
    except KafkaError as error:
        raise refused(config, error) from error


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
        async with asyncio.timeout(_STALL_SECONDS):
            await producer.send_and_wait(
                topic, outgoing.value, key=outgoing.key, headers=list(outgoing.headers)
            )
    except (MessageSizeTooLargeError, RecordListTooLargeError):
        return f"is too large for topic {topic}"
    except TopicAuthorizationFailedError as error:
        raise _denied(topic) from error
    except TimeoutError as error:
        raise ClientError(
            f"topic {topic} did not acknowledge it within {_STALL_SECONDS:.0f} s; it may lie there or not"
        ) from error
    except KafkaError as error:
        raise ClientError(f"topic {topic} does not take it: {error}") from error
    return None


def _denied(topic: str) -> ClientError:
    return ClientError(f"topic {topic} may not be written to: ask for the ACL Write on it")
