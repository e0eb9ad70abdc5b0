"""What others wrote, as text that is safe to show on a terminal, and as names of files."""

import unicodedata
from datetime import UTC, datetime

_NAME_BYTES = 120  # of a file system's 255, so that what is put before it fits
_SUFFIX_CHARACTERS = 12
# Of no file system's liking, or with a meaning to shells; a name may have letters of any script.
_REPLACED = frozenset("/\\:*?\"<>|$`&;!'")


def shown(data: bytes | None) -> str:
    """Return bytes of a key, a header or a message as text in which nothing steers a terminal."""
    return printed((data or b"").decode(errors="backslashreplace"))


def printed(text: str) -> str:
    """Return a text with what must not be printed (escape sequences, marks of direction) escaped."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def sentence(clause: str) -> str:
    """Return what an error says as a sentence for a page."""
    return clause[:1].upper() + clause[1:] + ("" if clause.endswith((".", "?", "!")) else ".")


def file_name(text: str) -> str:
    """Return a name for a file that lies in the very folder it is put into, whatever the text is.

    Letters of any script stay; the suffix does too, where a name is too long. Empty where nothing is left.
    """
    normal = unicodedata.normalize("NFC", text)
    kept = "".join(each if each.isprintable() and each not in _REPLACED else "_" for each in normal)
    stripped = kept.strip(" .")  # no hidden file, no "..", no end that Windows would drop
    stem, dot, suffix = stripped.rpartition(".")
    if not dot or len(suffix) > _SUFFIX_CHARACTERS:
        return _cut(stripped, _NAME_BYTES)
    return _cut(stem, _NAME_BYTES - len(f".{suffix}".encode())) + f".{suffix}"


def rfc3339(milliseconds: int) -> str:
    """Return a record's time stamp in UTC; empty where it is none, as its producer chose it."""
    try:
        moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return ""
    return "" if milliseconds < 0 else moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _cut(text: str, most: int) -> str:
    """Return the beginning of a text that takes at most so many bytes of UTF-8."""
    return text.encode(errors="replace")[:most].decode(errors="ignore")
