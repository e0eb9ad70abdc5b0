"""What all views share: what they are, and how times are written. Pure."""

from datetime import datetime

import msgspec


class View(msgspec.Struct, frozen=True):
    """What a template is given."""


class Moment(View, frozen=True):
    """A time: as machines read it, and as people do."""

    machine: str
    text: str


def moment(time: datetime | None) -> Moment | None:
    """Return a time as it is written in a page."""
    return None if time is None else Moment(time.isoformat(), f"{time:%Y-%m-%d %H:%M:%S} UTC")


def clock(time: datetime) -> str:
    """Return a time of today."""
    return f"{time:%H:%M:%S} UTC"


def counted(number: int, thing: str) -> str:
    """Return how many there are of a thing, whose name takes an s where there is not one."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
