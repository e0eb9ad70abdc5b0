"""Reads JSON that may be anything."""

from typing import TypeVar

import msgspec

Kind = TypeVar("Kind")


def parse_json(content: bytes, kind: type[Kind]) -> Kind:
    """Return what `content` says, as an object of a `kind`.

    Raises:
        msgspec.DecodeError: it is no JSON, or not of this form.
    """
    try:
        return msgspec.json.decode(content, type=kind)
    except (UnicodeDecodeError, RecursionError) as error:  # which msgspec (0.22) lets through
        raise msgspec.DecodeError(str(error)) from error
