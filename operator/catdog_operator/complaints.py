"""Reads in a worker's log what keeps it from answering."""

import msgspec

from catdog_common.complaints import COMPLAINTS, OVER
from catdog_operator.observed import Complaint


class _LogLine(msgspec.Struct, frozen=True):
    """A line of the log, as far as it is about a trouble."""

    event: str
    error: str = ""
    trouble: str = ""  # which is over


def read_complaint(pod: str, log: str) -> Complaint | None:
    """Return the newest complaint in a pod's log that is not over, or None where there is none."""
    complaints = dict[str, Complaint]()
    for line in log.splitlines():
        try:
            told = msgspec.json.decode(line, type=_LogLine)
        except msgspec.DecodeError:
            continue
        complaints.pop(told.trouble if told.event == OVER else told.event, None)
        if told.event in COMPLAINTS:
            complaints[told.event] = Complaint(pod, told.event, told.error)
    return next(reversed(complaints.values()), None)
