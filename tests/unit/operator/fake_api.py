"""An API server in memory with one journal of all writes, honest in what the operator relies on."""

import asyncio
import copy
import json
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any

from catdog_operator.api import Page, RefusedError, UnavailableError
from catdog_operator.kinds import EVENT, KIND_OF, MODEL, Kind
from catdog_operator.store import Store
from tests.crd import with_defaults
from tests.unit.operator.builders import NOW, SCHEMA

Body = dict[str, Any]
Name = tuple[str, str, str]  # kind, namespace, name


class FakeApi:
    """Keeps objects, counts revisions, and refuses what it is told to refuse.

    `tell` plays the watches: it hands all that changed to a store, as late as the test wants.
    """

    def __init__(self) -> None:
        self.objects: dict[Name, Body] = {}
        self.journal: list[str] = []
        self.refusals: dict[str, str] = {}  # kind → message
        self.unreadable: set[str] = set()  # kinds
        self.rewrites: Callable[[Body], Body] = lambda manifest: manifest  # admission, of what is applied
        self.odd_answers = 0  # to so many lists there is an answer that cannot be read
        self.away = False
        self.has_strimzi = True
        self.logs = ""
        self.logs_of: dict[str, str] = {}  # pod → its log, where it has one of its own
        self.events: list[Body] = []  # of Kubernetes' own
        self.time = NOW
        self.reported = asyncio.Event()
        self._revision = 0
        self._told: dict[Name, Body] = {}

    def now(self) -> datetime:
        """Return the server's time."""
        return self.time

    async def create(self, kind: Kind, manifest: Body) -> Body:
        """Create an object."""
        name = _name(kind, manifest)
        what = manifest["reason"] if kind is EVENT else name[2]
        self._write(f"create {kind.name} {what}", kind)
        if name in self.objects:
            raise RefusedError(409, f'{kind.plural} "{name[2]}" already exists')
        return self.put(manifest)

    async def apply(self, kind: Kind, manifest: Body, *, force: bool) -> Body:
        """Apply an object as its only manager; what is there and not the operator's is a conflict."""
        name = _name(kind, manifest)
        self._write(f"apply {kind.name} {name[2]}", kind)
        there = self.objects.get(name)
        if there is not None and not force:
            raise RefusedError(409, "Apply failed with 1 conflict: conflict with someone: .spec")
        status = {"status": there["status"]} if there and "status" in there else {}
        applied = self.rewrites(copy.deepcopy(manifest)) | status
        if (
            there is not None
            and there | applied | {"metadata": there["metadata"] | applied["metadata"]} == there
        ):
            return copy.deepcopy(there)  # nothing changes, not even its revision
        return self.put(applied)

    async def delete(self, kind: Kind, namespace: str, name: str, uid: str) -> Body:
        """Mark an object as one that waits for its pods to go."""
        self._write(f"delete {kind.name} {name}", kind)
        there = self.objects.get((kind.name, namespace, name))
        if there is None or there["metadata"]["uid"] != uid:
            raise RefusedError(404, "not found")
        there = copy.deepcopy(there)
        there["metadata"]["deletionTimestamp"] = "2026-03-01T12:00:00Z"
        return self.put(there)

    async def patch_status(self, kind: Kind, namespace: str, name: str, patch: Body) -> Body:
        """Merge a patch into a status."""
        self._write(f"report {name}", kind)
        body = copy.deepcopy(self.objects[kind.name, namespace, name])
        body["status"] = merged(body.get("status", {}), patch)
        self.reported.set()
        return self.put(body)

    async def read_log(self, kind: Kind, namespace: str, name: str, container: str, lines: int) -> str:
        """Return the log that the test has put."""
        assert (kind.name, lines > 0) == ("Pod", True)
        if (there := self.objects.get((kind.name, namespace, name))) is None:
            raise RefusedError(404, "not found")
        names = [each.get("name", "") for each in there["status"]["containerStatuses"]]
        if container not in names:
            raise RefusedError(400, f"container {container} is not valid for pod {name}")
        return self.logs_of.get(name, self.logs)

    async def list_events(self, kind: Kind, namespace: str, uid: str) -> tuple[Body, ...]:
        """Return the Events about an object."""
        about = [body for body in self.events if body["involvedObject"]["uid"] == uid]
        assert (kind, namespace) == (EVENT, "kafka")
        return tuple(about)

    async def list(self, kind: Kind) -> AsyncIterator[Page]:
        """Yield all objects of a kind."""
        if self.away:
            raise UnavailableError("connection refused")
        if self.odd_answers:
            self.odd_answers -= 1
            raise ValueError("a page of a proxy's is no JSON")
        bodies = [copy.deepcopy(body) for name, body in self.objects.items() if name[0] == kind.name]
        yield Page(self._revision, iter(bodies))

    async def may_list(self, kind: Kind) -> bool:
        """Return whether the operator has the right to list a kind."""
        return kind.name not in self.unreadable

    async def has_kind(self, kind: Kind) -> bool:
        """Return whether a kind is served: all but Strimzi's where that is not installed."""
        return self.has_strimzi or kind.group != "kafka.strimzi.io"

    def put(self, body: Body) -> Body:
        """Keep an object under its next revision; its generation counts changes of the spec."""
        name = _name(KIND_OF[body["kind"]], body)
        self._revision += 1
        former = self.objects.get(name)
        kept = json.loads(json.dumps(body))
        generation = former["metadata"]["generation"] if former else 0
        if former is None or former.get("spec") != kept.get("spec"):
            generation += 1
        kept["metadata"] = {
            "uid": former["metadata"]["uid"] if former else f"uid-{self._revision}",
            "creationTimestamp": (
                former["metadata"]["creationTimestamp"] if former else f"{self.time:%Y-%m-%dT%H:%M:%SZ}"
            ),
            **kept["metadata"],
            "resourceVersion": str(self._revision),
            "generation": generation,
        }
        self.objects[name] = kept
        return copy.deepcopy(kept)

    def put_model(self, **spec: object) -> None:
        """Keep the model `pets` with this spec, as if a person had applied it."""
        smallest = {
            "training": {"dataset": {"sample": {}}},
            "kafka": {"strimzi": {"name": "my-cluster"}},
        }
        former = self.objects.get(("CatDogModel", "kafka", "pets"), {})
        body = {
            "apiVersion": "catdog.dev/v1alpha1",
            "kind": "CatDogModel",
            "metadata": {"name": "pets", "namespace": "kafka"},
            "spec": smallest | spec,
            "status": former.get("status", {}),
        }
        self.put(with_defaults(body, SCHEMA))

    def remove(self, kind: str, name: str) -> None:
        """Take an object away, as Kubernetes does at the end of a deletion."""
        del self.objects[kind, "kafka", name]

    def set_status(self, kind: str, name: str, status: Body) -> None:
        """Write an object's status, as its own controller does."""
        body = self.objects[kind, "kafka", name]
        self.put(body | {"status": status})

    def tell(self, store: Store) -> None:
        """Hand all that has changed since the last time to `store`."""
        for name, body in self._told.items():
            there = self.objects.get(name)
            if name[0] != EVENT.name and (
                there is None or there["metadata"]["uid"] != body["metadata"]["uid"]
            ):
                store.drop(KIND_OF[name[0]], copy.deepcopy(body))
        for name, body in self.objects.items():
            if name[0] != EVENT.name:
                store.put(KIND_OF[name[0]], copy.deepcopy(body))
        self._told = copy.deepcopy(self.objects)

    def _write(self, entry: str, kind: Kind) -> None:
        if self.away:
            raise UnavailableError("connection refused")
        self.journal.append(entry)
        if kind.name in self.refusals and kind is not MODEL:
            raise RefusedError(403, self.refusals[kind.name])


def merged(target: object, patch: object) -> object:
    """Return what MergePatch of RFC 7386, section 2, returns."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def _name(kind: Kind, body: Body) -> Name:
    return kind.name, body["metadata"]["namespace"], body["metadata"]["name"]
