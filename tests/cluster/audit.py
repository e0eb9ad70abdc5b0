"""Reads the API server's audit log: what an operator's account asked of it, each request once."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

Right = tuple[str, str, str]  # API group, resource or resource/subresource, verb

OPERATOR_USER = "system:serviceaccount:catdog-system:catdog-operator"
NAMESPACED_USER = "system:serviceaccount:catdog:catdog-operator"  # of the install for one namespace
CONSOLE_USER = "system:serviceaccount:kafka:catdog-console"
WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})
LONG_AGO, FAR_AHEAD = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


class _ObjectReference(msgspec.Struct, frozen=True, rename="camel"):
    """What a request is about; a request for something that is no object (/healthz, /apis) has none."""

    api_group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""


class _User(msgspec.Struct, frozen=True):
    """Who asks."""

    username: str = ""


class _Response(msgspec.Struct, frozen=True):
    """The answer."""

    code: int = 0


class Entry(msgspec.Struct, frozen=True, rename="camel"):
    """A request of the operator's; times are the API server's, in microseconds.

    A watch is told of twice, when it begins and when it ends: `read_audit` keeps the later.
    """

    audit_id: str = msgspec.field(name="auditID")
    stage: str
    verb: str
    request_uri: str = msgspec.field(name="requestURI")
    received: datetime = msgspec.field(name="requestReceivedTimestamp")
    answered: datetime = msgspec.field(name="stageTimestamp")
    user: _User = _User()
    about: _ObjectReference = msgspec.field(name="objectRef", default=_ObjectReference())
    response: _Response = msgspec.field(name="responseStatus", default=_Response())
    user_agent: str = ""

    @property
    def group(self) -> str:
        """The API group of what it asks for, "" for the core's."""
        return self.about.api_group

    @property
    def resource(self) -> str:
        """The plural of what it asks for, "" where it is no object."""
        return self.about.resource

    @property
    def subresource(self) -> str:
        """Like `status` or `log`, else ""."""
        return self.about.subresource

    @property
    def namespace(self) -> str:
        """The namespace of the object, or of those that are listed; "" for all."""
        return self.about.namespace

    @property
    def name(self) -> str:
        """The object's name, where the request names one."""
        return self.about.name

    @property
    def code(self) -> int:
        """The HTTP status of the answer."""
        return self.response.code

    @property
    def is_write(self) -> bool:
        """Whether it would change something."""
        return self.verb in WRITES


def read_audit(
    log: Path, since: datetime = LONG_AGO, until: datetime = FAR_AHEAD, user: str = OPERATOR_USER
) -> list[Entry]:
    """Return the requests of `user` that the API server received in [since, until), in their order.

    A request is logged after its answer went out: whoever has just seen an answer may find no entry yet.
    """
    with log.open("rb") as lines:
        entries = parse_audit(lines)
    return [each for each in entries if each.user.username == user and since <= each.received < until]


def parse_audit(lines: Iterable[bytes]) -> list[Entry]:
    """Return the entries, one for each request; a last line that is still being written is left out."""
    decoder = msgspec.json.Decoder(Entry)
    entries = (decoder.decode(line) for line in lines if line.endswith(b"\n"))
    newest = {entry.audit_id: entry for entry in entries}
    return sorted(newest.values(), key=lambda entry: entry.received)


def rights_of(role: Mapping[str, Any]) -> set[Right]:
    """Return what a Role or a ClusterRole grants."""
    return {
        (group, resource, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
