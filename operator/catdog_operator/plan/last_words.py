"""The end of a log, short enough for a condition, and the same for the same trouble."""

import msgspec

LINES = 5
CHARACTERS = 600  # with what goes around it, it has to fit into an Event too


class _LogLine(msgspec.Struct, frozen=True):
    """What is read of a log line of trainer and worker; its time would make each one another."""

    event: str
    error: str = ""


def last_words(log: str) -> str:
    """Return the last lines of a log in one; of a line in JSON, what happened and why.

    What a traceback underlines its lines with says nothing on its own.
    """
    lines = [words for line in log.splitlines() if (words := _words_of(line.strip())).strip("^~")]
    return " | ".join(lines[-LINES:])[-CHARACTERS:] or "its log is empty"


def _words_of(line: str) -> str:
    try:
        told = msgspec.json.decode(line, type=_LogLine)
    except msgspec.DecodeError:
        return line
    return f"{told.event}: {told.error}" if told.error else told.event
