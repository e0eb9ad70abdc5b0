"""The versions that a model's status names."""

from collections.abc import Mapping
from typing import Any

import msgspec

from catdog_client.errors import ClientError
from catdog_client.version_files import Published


class _Inference(msgspec.Struct, frozen=True, rename="camel"):
    served_version: int | None = None


class _Status(msgspec.Struct, frozen=True, rename="camel"):
    """What is read of the status; versions are there newest first."""

    versions: tuple[Published, ...] = ()
    inference: _Inference = _Inference()


def find_version(body: Mapping[str, Any], wanted: int | None) -> Published:
    """Return a version of a model: the one that is wanted, else the one that serves, else the newest.

    Raises:
        ClientError: it has no such version, or none.
    """
    name = body["metadata"]["name"]
    status = msgspec.convert(body.get("status", {}), _Status)
    if not status.versions:
        raise ClientError(f"model {name} has no version yet")
    number = wanted or status.inference.served_version or status.versions[0].version
    for published in status.versions:
        if published.version == number:
            return published
    there = ", ".join(str(each.version) for each in reversed(status.versions))
    raise ClientError(f"model {name} has no version {number}; it has {there}")
