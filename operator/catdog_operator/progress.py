"""Reads a trainer's progress from the tail of its log."""

import msgspec

from catdog_common.training import Progress


class ProgressLine(msgspec.Struct, frozen=True):
    """A line of the log that tells progress."""

    progress: Progress


def read_progress(log: str) -> Progress | None:
    """Return the newest progress in `log`; lines that tell none are passed over, also the first, cut one."""
    for line in reversed(log.splitlines()):
        if '"progress"' in line:
            try:
                return msgspec.json.decode(line, type=ProgressLine).progress
            except msgspec.DecodeError:
                continue
    return None
