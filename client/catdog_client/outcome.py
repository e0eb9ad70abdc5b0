"""What became of one photo, and how people and programs are told."""

from collections.abc import Iterable

import msgspec
from rich.table import Table

from catdog_common.artifact import UNKNOWN


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of a photo: where its record lies, and the answer or the error, if one came."""

    file: str
    id: str | None = None
    label: str | None = None
    probabilities: dict[str, float] | None = None
    version: int | None = None
    partition: int | None = None
    offset: int | None = None
    error: str | None = None


def as_json(outcome: Outcome) -> str:
    """Return the outcome as one JSON object on one line."""
    return msgspec.json.encode(outcome).decode()


def as_table(outcomes: Iterable[Outcome], *, answered: bool) -> Table:
    """Return the outcomes as a table for people; without columns of an answer where none was awaited."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    columns = [
        "FILE",
        *(["LABEL", "PROBABILITY", "VERSION"] if answered else []),
        "PARTITION",
        "OFFSET",
    ]
    for column in columns:
        table.add_column(column, overflow="fold")
    for outcome in outcomes:
        table.add_row(*_cells(outcome, answered=answered))
    return table


def _cells(outcome: Outcome, *, answered: bool) -> list[str]:
    place = [_text(outcome.partition), _text(outcome.offset)]
    if not answered:
        return [outcome.file, *place]
    return [
        outcome.file,
        outcome.label or "error",
        _confidence(outcome),
        _text(outcome.version),
        *place,
    ]


def _confidence(outcome: Outcome) -> str:
    if outcome.error is not None:
        return outcome.error
    if outcome.probabilities is None or outcome.label in (None, UNKNOWN):
        return ""  # of an unknown picture they only say what it would be, were it one of these
    return f"{max(outcome.probabilities.values()):.3f}"


def _text(number: int | None) -> str:
    return "" if number is None else str(number)
