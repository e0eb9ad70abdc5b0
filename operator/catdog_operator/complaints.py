"""Reads in a worker's log what keeps it from answering."""

import msgspec

from catdog_common.complaints import ANSWERS_REFUSED, KAFKA_UNUSABLE, OVER


class _LogLine(msgspec.Struct, frozen=True):
    """A line of the log, as far as it is about Kafka."""

    event: str
    error: str = ""


def read_complaint(log: str) -> str | None:
    """Return what the newest complaint says, or None where there is none that is not over."""
    for line in reversed(log.splitlines()):
        try:
            told = msgspec.json.decode(line, type=_LogLine)
        except msgspec.DecodeError:
            continue
        if told.event in (KAFKA_UNUSABLE, ANSWERS_REFUSED):
            return f"{told.event}: {told.error}"
        if told.event == OVER:
            return None
    return None
