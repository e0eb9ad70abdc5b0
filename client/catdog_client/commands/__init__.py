"""The commands of `catdog`, a module each, of which one is imported that is asked for.

Together they stand on so many libraries that a shell would wait more than a second for a word's completion.
"""

from collections import UserDict
from importlib import import_module

import click

_NAMES = (
    "status",
    "promote",
    "rollback",
    "retrain",
    "compare",
    "plot",
    "logs",
    "doctor",
    "send",
    "watch",
    "dead-letters",
    "upload",
    "completion",
)


class _Commands(UserDict[str, click.Command]):
    """The commands by their names; each is that of its module's name."""

    def __init__(self) -> None:
        super().__init__()
        self.data = dict.fromkeys(_NAMES, click.Command(None))  # until they are imported

    def __getitem__(self, name: str) -> click.Command:
        if self.data[name].name is None:
            attribute = name.replace("-", "_")
            self.data[name] = getattr(import_module(f"{__name__}.{attribute}"), attribute)
        return self.data[name]


COMMANDS = _Commands()
