"""The records that go in and come out: answers as CloudEvents, dead letters as Kafka Connect writes them."""

from collections.abc import Mapping

import msgspec
from cloudevents.core.bindings.kafka import to_binary_event
from cloudevents.core.v1.event import CloudEvent

from catdog_common.parsing import parse_json

Headers = tuple[tuple[str, bytes | None], ...]  # Kafka allows a header without a value

NO_TIMESTAMP = -1  # as Kafka has it, of a record whose producer gave none

ID_HEADER = "id"
ANSWER_TYPE = "dev.catdog.image.classified"

# The names of Kafka Connect: org.apache.kafka.connect.runtime.errors.DeadLetterQueueReporter.
ERROR_TOPIC_HEADER = "__connect.errors.topic"
ERROR_PARTITION_HEADER = "__connect.errors.partition"
ERROR_OFFSET_HEADER = "__connect.errors.offset"
ERROR_CLASS_HEADER = "__connect.errors.exception.class.name"
ERROR_MESSAGE_HEADER = "__connect.errors.exception.message"

# So that a dead letter's own headers stay well within what its topic allows beside the image.
_ERROR_MESSAGE_CHARACTERS = 1000

# Of a key, and of an id, which an answer has twice, once as JSON: all within what brokers take by default.
CARRIED_BYTES = 64 * 1024


class SourceRecord(msgspec.Struct, frozen=True):
    """A record of the input topic."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp: int = NO_TIMESTAMP  # milliseconds since the epoch


class OutgoingRecord(msgspec.Struct, frozen=True):
    """A record that is to be produced."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers


class Model(msgspec.Struct, frozen=True):
    """The model that answered."""

    name: str
    version: int


class Source(msgspec.Struct, frozen=True):
    """Where the record lies that was answered."""

    topic: str
    partition: int
    offset: int


class Answer(msgspec.Struct, frozen=True):
    """The value of an answer, in JSON."""

    id: str
    label: str
    probabilities: dict[str, float]
    model: Model
    source: Source


def record_id(record: SourceRecord) -> str:
    """Return the id of a record: its header `id`, else its key as UTF-8, else `topic/partition/offset`."""
    named = [value for name, value in record.headers if name == ID_HEADER]
    for candidate in (*reversed(named), record.key):
        if text := _text(candidate):
            return text
    return record_position(record)


def tell_uncarried(record: SourceRecord) -> str | None:
    """Return why an answer can't carry the key or the id of a record, None if it can."""
    named = ((f"header {name}", value) for name, value in record.headers if name == ID_HEADER)
    for what, value in (("key", record.key), *named):
        if value is not None and len(value) > CARRIED_BYTES:
            return f"its {what} has {len(value)} bytes, more than the {CARRIED_BYTES} that an answer carries"
    return None


def record_bytes(key: bytes | None, value: bytes | None, headers: Headers) -> int:
    """Return about how many bytes of memory a record takes, and of a request."""
    return len(key or b"") + len(value or b"") + sum(len(name) + len(each or b"") for name, each in headers)


def record_position(record: SourceRecord) -> str:
    """Return `topic/partition/offset`."""
    return f"{record.topic}/{record.partition}/{record.offset}"


def event_source(kafka_cluster: str, namespace: str, model: str) -> str:
    """Return the `ce_source` of a model's answers; `kafka_cluster` is `<namespace>/<name>`, or addresses."""
    return f"/kafkas/{kafka_cluster}/catdogmodels/{namespace}/{model}"


def build_answer(
    record: SourceRecord, label: str, probabilities: Mapping[str, float], model: Model
) -> Answer:
    """Return the answer to a record."""
    return Answer(
        id=record_id(record),
        label=label,
        probabilities={label: round(value, 6) for label, value in probabilities.items()},
        model=model,
        source=Source(record.topic, record.partition, record.offset),
    )


def parse_answer(value: bytes) -> Answer:
    """Return the answer in the value of a record.

    Raises:
        msgspec.DecodeError: it is none.
    """
    return parse_json(value, Answer)


def write_answer(answer: Answer, record: SourceRecord, source: str, topic: str) -> OutgoingRecord:
    """Return an answer as a CloudEvent in binary mode, under the key of the record that it answers.

    Its `ce_id` depends on the place of the source record alone, so that a repeated answer is known as one.
    """
    position = record_position(record)
    attributes = {
        "id": position,
        "source": source,
        "type": ANSWER_TYPE,
        "subject": answer.id,
        "datacontenttype": "application/json",
    }
    message = to_binary_event(CloudEvent(attributes, msgspec.json.encode(answer)))
    key = record.key if record.key is not None else position.encode()
    return OutgoingRecord(topic, key, message.value, tuple(message.headers.items()))


def write_dead_letter(record: SourceRecord, error: str, message: str, topic: str) -> OutgoingRecord:
    """Return a record as it came, with headers that say whence it came and what was wrong with it."""
    reported = {
        ERROR_TOPIC_HEADER: record.topic,
        ERROR_PARTITION_HEADER: str(record.partition),
        ERROR_OFFSET_HEADER: str(record.offset),
        ERROR_CLASS_HEADER: error,
        ERROR_MESSAGE_HEADER: message[:_ERROR_MESSAGE_CHARACTERS],
    }
    headers = (*record.headers, *((name, text.encode()) for name, text in reported.items()))
    return OutgoingRecord(topic, record.key, record.value, headers)


def _text(value: bytes | None) -> str:
    try:
        return (value or b"").decode()
    except UnicodeDecodeError:
        return ""
