"""A dead letter: what it says of itself, which ones are meant, and the record that is sent again."""

from collections.abc import Sequence
from typing import NamedTuple, Self

import msgspec
from rich.table import Table
from rich.text import Text

from catdog_client.exchange import Record
from catdog_client.reading import Bounds
from catdog_client.text import file_name, printed, rfc3339, shown
from catdog_common.kafka_batches import Folded
from catdog_common.messages import (
    ERROR_CLASS_HEADER,
    ERROR_MESSAGE_HEADER,
    ERROR_OFFSET_HEADER,
    ERROR_PARTITION_HEADER,
    ERROR_TOPIC_HEADER,
    ID_HEADER,
    Headers,
    OutgoingRecord,
    Source,
)

RESENT_HEADER = "catdog-resent"  # how often a record was sent again, in digits
RESENT_FROM_HEADER = "catdog-resent-from"  # topic/partition/offset of the dead letter that it was

# As the worker puts them behind a record's own headers; see catdog_common.messages.write_dead_letter.
_REPORT = (
    ERROR_TOPIC_HEADER,
    ERROR_PARTITION_HEADER,
    ERROR_OFFSET_HEADER,
    ERROR_CLASS_HEADER,
    ERROR_MESSAGE_HEADER,
)

_LONGEST_NUMBER = 19  # digits, of an offset


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What is told of a dead letter; without `size` its bytes are not there."""

    topic: str
    partition: int
    offset: int
    time: str  # RFC 3339, UTC
    reason: str
    message: str
    size: int | None = None  # bytes
    key: str | None = None
    id: str | None = None
    source: Source | None = None  # where the record lies that could not be answered
    resent: int = 0  # times


class Span(NamedTuple):
    """Neighbouring places of a partition."""

    partition: int
    offsets: range

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return what PARTITION:OFFSET or PARTITION:FIRST-LAST means.

        Raises:
            ValueError: the text is neither.
        """
        partition, _, offsets = text.partition(":")
        first, dash, last = offsets.partition("-")
        if not all(each.isascii() and each.isdigit() for each in (partition, first, *([last] * bool(dash)))):
            raise ValueError("write PARTITION:OFFSET, or PARTITION:FIRST-LAST")
        return cls(int(partition), range(int(first), int(last if dash else first) + 1))

    @property
    def is_single(self) -> bool:
        """Whether it is one place; not by its length, as Python counts to 2**63 only."""
        return self.offsets.stop - self.offsets.start == 1


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Which dead letters are meant; what is empty excludes nothing."""

    source_topic: str  # the model's own: others may share the topic of dead letters
    reasons: frozenset[str] = frozenset()
    spans: tuple[Span, ...] = ()
    since: int | None = None  # milliseconds since the epoch

    def takes(self, letter: DeadLetter) -> bool:
        """Whether it is one of them, if it lies where it may."""
        if letter.source is not None and letter.source.topic != self.source_topic:
            return False
        if self.spans and not any(
            letter.partition == each.partition and letter.offset in each.offsets for each in self.spans
        ):
            return False
        return not self.reasons or letter.reason.casefold() in self.reasons

    def bounds(self) -> Bounds | None:
        """Return where they lie at most, None for anywhere."""
        if not self.spans:
            return None
        found: dict[int, range] = {}
        for partition, each in self.spans:
            known = found.get(partition, each)
            found[partition] = range(min(known.start, each.start), max(known.stop, each.stop))
        return found

    def missing(self, found: Sequence[DeadLetter]) -> list[str]:
        """Return the single places that were asked for and are not among those found."""
        places = {(each.partition, each.offset) for each in found}
        singles = [(span.partition, span.offsets[0]) for span in self.spans if span.is_single]
        return [f"{partition}:{offset}" for partition, offset in singles if (partition, offset) not in places]


def read_dead_letter(record: Record) -> DeadLetter:
    """Return what a record of a topic of dead letters says, whoever wrote it."""
    headers = {name: value for name, value in record.headers if value is not None}
    value, folded = record.value, isinstance(record.value, Folded)
    return DeadLetter(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        time=rfc3339(record.timestamp),
        reason="TooLargeToRead" if folded else _reason(headers.get(ERROR_CLASS_HEADER)),
        message=printed(value.why) if folded else shown(headers.get(ERROR_MESSAGE_HEADER)),
        size=None if folded or value is None else len(value),
        key=None if record.key is None else shown(record.key),
        id=shown(headers[ID_HEADER]) if ID_HEADER in headers else None,
        source=_source(headers),
        resent=_count(headers.get(RESENT_HEADER)),
    )


def as_table(letters: Sequence[DeadLetter]) -> Table:
    """Return the dead letters as a table for people."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("PARTITION:OFFSET", "TIME", "REASON", "SIZE", "RESENT", "ID OR KEY", "MESSAGE"):
        table.add_column(column, overflow="fold", justify="right" if column == "SIZE" else "left")
    for each in letters:
        size = "" if each.size is None else str(each.size)
        place, name = f"{each.partition}:{each.offset}", each.id or each.key or ""
        cells = (place, each.time, each.reason, size, str(each.resent or ""), name, each.message)
        table.add_row(*map(Text, cells))  # as they are: a string's brackets would be taken for markup
    return table


def saved_name(letter: DeadLetter) -> str:
    """Return the name of the file that its bytes go into: its place, and what its sender called it."""
    place = f"{letter.partition}-{letter.offset}"
    name = file_name(letter.id or letter.key or "")
    return f"{place}-{name}" if name else place


def repeated(record: Record, topic: str) -> OutgoingRecord:
    """Return the record that a dead letter was, marked as one that is sent again."""
    own = _without_report(tuple(record.headers))
    marks = {
        RESENT_HEADER: str(_count(dict(own).get(RESENT_HEADER)) + 1),
        RESENT_FROM_HEADER: f"{record.topic}/{record.partition}/{record.offset}",
    }
    kept = tuple((name, value) for name, value in own if name not in marks)
    return OutgoingRecord(
        topic, record.key, record.value, (*kept, *((name, text.encode()) for name, text in marks.items()))
    )


def _without_report(headers: Headers) -> Headers:
    """Return a record's own headers; what looks like a worker's among them (Connect's, say) stays."""
    own, last = headers[: -len(_REPORT)], headers[-len(_REPORT) :]
    return own if tuple(name for name, _ in last) == _REPORT else headers


def _reason(name: bytes | None) -> str:
    """Return the reason in the name of an exception's class, which Kafka Connect gives with its package."""
    return shown(name).rpartition(".")[2] or "NotTold"


def _source(headers: dict[str, bytes]) -> Source | None:
    partition, offset = (headers.get(name, b"") for name in (ERROR_PARTITION_HEADER, ERROR_OFFSET_HEADER))
    if ERROR_TOPIC_HEADER not in headers or not (_is_number(partition) and _is_number(offset)):
        return None
    return Source(shown(headers[ERROR_TOPIC_HEADER]), int(partition), int(offset))


def _count(value: bytes | None) -> int:
    return int(value) if value is not None and _is_number(value) else 0


def _is_number(text: bytes) -> bool:
    return text.isdigit() and len(text) <= _LONGEST_NUMBER
