"""Reads in a worker's log what keeps it from answering."""

import msgspec

from catdog_common.complaints import COMPLAINTS, OVER


class _LogLine(msgspec.Struct, frozen=True):
    """A line of the log, as far as it is about Kafka."""

    event: str
    error: str = ""
    trouble: str = ""  # which is over


def read_complaint(log: str) -> str | None:
    """Return what the newest complaint says that is not over, or None where there is none."""
    complaints = dict[str, str]()
    for line in log.splitlines():
        try:
            told = msgspec.json.decode(line, type=_LogLine)
        except msgspec.DecodeError:
            continue
        complaints.pop(told.trouble if told.event == OVER else told.event, None)
        if told.event in COMPLAINTS:
            complaints[told.event] = f"{told.event}: {told.error}"
    return next(reversed(complaints.values()), None)
