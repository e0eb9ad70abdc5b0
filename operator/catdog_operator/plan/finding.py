"""What a rule found: a condition without its times."""

from typing import Literal

import msgspec


class Finding(msgspec.Struct, frozen=True):
    """A condition's status, its reason, and a message that says what is so and what to do."""

    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str

    @property
    def holds(self) -> bool:
        """Whether the condition is true."""
        return self.status == "True"


def yes(reason: str, message: str) -> Finding:
    """Return a finding that the condition holds."""
    return Finding("True", reason, message)


def no(reason: str, message: str) -> Finding:
    """Return a finding that the condition does not hold."""
    return Finding("False", reason, message)
