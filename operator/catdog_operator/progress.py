"""Reads a trainer's progress, and a shadow's report, from the tail of its log."""

from typing import TypeVar

import msgspec

from catdog_common.shadow import ShadowReport
from catdog_common.training import Progress

Line = TypeVar("Line", bound=msgspec.Struct)


class ProgressLine(msgspec.Struct, frozen=True):
    """A line of the log that tells progress."""

    progress: Progress


def read_progress(log: str) -> Progress | None:
    """Return the newest progress in `log`; lines that tell none are passed over, also the first, cut one."""
    line = _newest(log, "progress", ProgressLine)
    return line.progress if line else None


class ReportLine(msgspec.Struct, frozen=True):
    """A line of the log that tells how a shadow compares."""

    shadow: ShadowReport


def read_report(log: str) -> ShadowReport | None:
    """Return the newest report in `log`; lines that tell none are passed over."""
    line = _newest(log, "shadow", ReportLine)
    return line.shadow if line else None


def _newest(log: str, key: str, kind: type[Line]) -> Line | None:
    for line in reversed(log.splitlines()):
        if f'"{key}"' in line:
            try:
                return msgspec.json.decode(line, type=kind)
            except msgspec.DecodeError:
                continue
    return None
