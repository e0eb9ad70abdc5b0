"""What a person is told where a topic can't be read: whose fault it is, and what to do."""

import asyncio

from aiokafka.errors import (
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    NodeNotReadyError,
    OffsetOutOfRangeError,
    RequestTimedOutError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)

from catdog_common.artifact import PartitionOffsets
from catdog_common.kafka_diagnosis import why_unreachable
from catdog_common.kafka_security import KafkaSecurityError
from catdog_common.kafka_topic import find_leaderless
from catdog_trainer.data import DataError, changed
from catdog_trainer.data.addresses import TopicAddress
from catdog_trainer.data.topic_reader import CLIENT_ID

FIELD = "spec.training.dataset.kafka"
HEADERS = "header label: cat or label: dog"

_ASK_SECONDS = 15.0
_TOLD_CHARACTERS = 300  # of what a client says: the message has to fit into a condition
_UNREACHABLE = (
    KafkaConnectionError,
    KafkaTimeoutError,
    NodeNotReadyError,
    RequestTimedOutError,
    TimeoutError,
)


async def explain(error: KafkaError | KafkaSecurityError | TimeoutError, address: TopicAddress) -> DataError:
    """Return what to raise for what the client raised."""
    topic = f"topic {address.name}"
    if isinstance(error, TopicAuthorizationFailedError):
        advice = f"allow the Kafka user that spec.kafka leads to operation Read on {topic}; it uses no group"
        return DataError("AccessDenied", f"{topic} may not be read ({_shortened(error)}); {advice}")
    if isinstance(error, UnknownTopicOrPartitionError):
        advice = f"create it, or name another in {FIELD}.topic"
        return DataError("TopicNotFound", f"{topic} is not in the Kafka of spec.kafka; {advice}")
    if isinstance(error, OffsetOutOfRangeError):
        return changed(f"records of {topic} were removed while they were read")
    if isinstance(error, _UNREACHABLE):
        return await _explain_silence(error, address)
    return DataError("KafkaUnusable", f"{topic} cannot be read: {_shortened(error)}; see spec.kafka")


async def _explain_silence(error: Exception, address: TopicAddress) -> DataError:
    why = await why_unreachable(address.login())
    if why is None and (leaderless := await _find_leaderless(address)):
        return _not_led(address, leaderless)
    why = why or _shortened(error) or "no answer in time"
    advice = "see that it runs, and that spec.kafka leads to it"
    message = f"the Kafka of topic {address.name} cannot be reached ({why}); {advice}"
    return DataError("EndpointUnreachable", message)


async def _find_leaderless(address: TopicAddress) -> tuple[int, ...]:
    """Return the partitions that no broker leads, as far as brokers say."""
    try:
        async with asyncio.timeout(_ASK_SECONDS):
            return await find_leaderless(address.login(), address.name, CLIENT_ID)
    except (KafkaError, KafkaSecurityError, TimeoutError):
        return ()


def _not_led(address: TopicAddress, partitions: tuple[int, ...]) -> DataError:
    *others, last = map(str, partitions)
    which = f"partitions {', '.join(others)} and {last}" if others else f"partition {last}"
    have = "have" if others else "has"
    message = f"{which} of topic {address.name} {have} no leader, and can't be read"
    return DataError("EndpointUnreachable", f"{message}; see that all brokers run")


def nothing_labelled(address: TopicAddress, records: int) -> DataError:
    """Return the error that none of so many records has a label that there is."""
    found = f"{records} records, and none with {HEADERS}" if records else "no records"
    expected = f"photos belong there as values of records with {HEADERS}"
    return DataError("DataNotFound", f"topic {address.name} has {found}: {expected}")


def too_large(address: TopicAddress) -> DataError:
    """Return the error that the photos do not fit onto the scratch space."""
    which = (
        f"the records that {FIELD}.offsets names"
        if address.offsets
        else f"the newest {address.max_images} records"
    )
    message = f"{which} of topic {address.name} have photos of over {address.spool_bytes} bytes together"
    advice = "name fewer" if address.offsets else f"lower {FIELD}.maxImages"
    return DataError("TopicTooLarge", f"{message}; {advice}")


def not_there(
    address: TopicAddress, asked: PartitionOffsets, there: PartitionOffsets | None, partitions: int
) -> DataError:
    """Return the error that a partition does not have the records that are asked for.

    Those that were removed never come again; those beyond its end may.
    """
    wanted = (
        f"{FIELD}.offsets asks for {_ranged(asked)} of partition {asked.partition} of topic {address.name}"
    )
    if there is None:
        has = f"the topic has {partitions} partitions, numbered from 0"
    elif there.start < there.end:
        has = f"it has {_ranged(there)}"
    else:
        has = f"it has no records, and its next has offset {there.end}"
    advice = "name others, or none to train on the newest records"
    is_gone = there is not None and asked.start < there.start
    return DataError("OffsetsNotFound", f"{wanted}, and {has}; {advice}", permanent=is_gone)


def _ranged(offsets: PartitionOffsets) -> str:
    return f"offsets {offsets.start} to {offsets.end - 1}"


def _shortened(error: Exception) -> str:
    return " ".join(str(error).split())[:_TOLD_CHARACTERS].rstrip(". ")
