"""What `catdog watch` shows of an answer or a dead letter."""

from typing import Literal

import msgspec

from catdog_client.dead_letter import read_dead_letter
from catdog_client.exchange import Record
from catdog_client.text import printed, rfc3339, shown
from catdog_common.artifact import UNKNOWN
from catdog_common.messages import Source, parse_answer

COLUMNS = "TIME", "ID", "LABEL", "PROBABILITY", "VERSION", "PLACE"
_FORMAT = "{:<20}  {:<36}  {:<11}  {:<11}  {:<7}  {}"


class Seen(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What came: an answer, a dead letter, or something else that lies in the topic of answers."""

    kind: Literal["Answer", "DeadLetter", "NoAnswer"]
    id: str  # what the sender called the image, else its key, else its place
    time: str
    topic: str
    partition: int
    offset: int
    label: str | None = None
    probabilities: dict[str, float] | None = None
    model: str | None = None
    version: int | None = None
    source: Source | None = None  # where the image lies
    reason: str | None = None
    message: str | None = None


def see_answer(record: Record) -> Seen:
    """Return what a record of the topic of answers says."""
    seen = _seen("Answer", record)
    try:
        answer = parse_answer(record.value or b"")
    except msgspec.DecodeError as error:
        return msgspec.structs.replace(seen, kind="NoAnswer", message=printed(str(error)))
    return msgspec.structs.replace(
        seen,
        id=printed(answer.id),
        label=printed(answer.label),
        probabilities=answer.probabilities,
        model=printed(answer.model.name),
        version=answer.model.version,
        source=answer.source,
    )


def see_dead_letter(record: Record) -> Seen:
    """Return what a dead letter says."""
    letter = read_dead_letter(record)
    seen = _seen("DeadLetter", record)
    return msgspec.structs.replace(
        seen,
        id=letter.id or letter.key or (_place(letter.source) if letter.source else seen.id),
        source=letter.source,
        reason=letter.reason,
        message=letter.message,
    )


def is_of(seen: Seen, model: str, input_topic: str) -> bool:
    """Whether it may be a model's: others may share its topics. A dead letter says whence it came alone."""
    if seen.kind == "DeadLetter":
        return seen.source is None or seen.source.topic == input_topic
    return seen.model in (None, model)


def header() -> str:
    """Return the table's first line."""
    return _FORMAT.format(*COLUMNS)


def row(seen: Seen) -> str:
    """Return one line of the table; what failed has its reason instead of an answer."""
    place = _place(seen.source) if seen.source else f"{seen.topic}/{seen.partition}/{seen.offset}"
    if seen.kind != "Answer":
        what = f"{seen.reason}: {seen.message}" if seen.reason else f"no answer: {seen.message}"
        return f"{seen.time:<20}  {_fit(seen.id):<36}  {_words(seen.kind):<11}  {place}  {what}"
    confidence = "" if seen.label == UNKNOWN else _confidence(seen)
    version = "" if seen.version is None else str(seen.version)
    return _FORMAT.format(seen.time, _fit(seen.id), seen.label or "", confidence, version, place).rstrip()


def _seen(kind: Literal["Answer", "DeadLetter"], record: Record) -> Seen:
    key = shown(record.key)
    return Seen(
        kind=kind,
        id=key or f"{record.topic}/{record.partition}/{record.offset}",
        time=rfc3339(record.timestamp),
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
    )


def _confidence(seen: Seen) -> str:
    return f"{max(seen.probabilities.values()):.3f}" if seen.probabilities else ""


def _words(kind: str) -> str:
    return "dead letter" if kind == "DeadLetter" else "no answer"


def _place(source: Source) -> str:
    return f"{printed(source.topic)}/{source.partition}/{source.offset}"


def _fit(text: str, most: int = 36) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
