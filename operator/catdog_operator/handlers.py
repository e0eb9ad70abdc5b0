"""Glue to kopf, which only watches: whatever happens to an object puts its models into the queue."""

import asyncio
from collections.abc import Iterable, Iterator
from itertools import chain, repeat
from typing import Any, Protocol, cast

import kopf

from catdog_operator.delay_queue import DelayQueue
from catdog_operator.kinds import KINDS, Kind
from catdog_operator.store import Body, Key, Store

LIST_CHUNK = 50  # objects, so that a list of thousands is not in memory at once, nor those of ten kinds
IDLE_SECONDS = 0.1  # that kopf's task for an object stays, with the object's last state


class NothingHandled(kopf.DiffBaseStorage):
    """What kopf takes as the state that was last handled, to compare with: we have no use for it.

    The default copies every object for it, at every event.
    """

    def build(
        self, *, body: kopf.Body, extra_fields: Iterable[kopf.FieldSpec] | None = None
    ) -> kopf.BodyEssence:
        """Return what is to be compared of an object: nothing."""
        del body, extra_fields
        return kopf.BodyEssence()

    def fetch(self, *, body: kopf.Body) -> kopf.BodyEssence | None:
        """Return what was compared last: nothing."""
        return self.build(body=body)

    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        """Store nothing."""


class Patience:
    """Waits between attempts at a request that fails, in seconds, without end.

    kopf gives a watch up when they come to an end, goes on without it, and begins it never again.
    """

    def __iter__(self) -> Iterator[float]:
        """Yield the waits."""
        return chain((1, 1, 2, 3, 5, 8, 13), repeat(20))


class Watches(Protocol):
    """Who wants to know how complete the watches' tale is."""

    def note_listed(self, uid: str) -> None:
        """Hear of an object that is there as a watch begins."""

    def note_gap(self) -> None:
        """Hear that events may be missing."""


def build_registry(
    store: Store, queue: DelayQueue[Key], watches: Watches, unreadable: frozenset[Kind]
) -> kopf.OperatorRegistry:
    """Return kopf's registry with handlers for every kind but those that are not to be read."""
    registry = kopf.OperatorRegistry()
    kopf.on.login(registry=registry)(_log_in)
    for kind in KINDS:
        if kind not in unreadable:
            _watch(registry, kind, store, queue, watches)
    return registry


def set_at_end(registry: kopf.OperatorRegistry, stop_flag: asyncio.Event) -> None:
    """Set a stop flag also when a signal ends kopf: else kopf waits five seconds for who waits for it."""

    @kopf.on.cleanup(registry=registry)
    async def end(**_: object) -> None:
        stop_flag.set()


def build_settings(*, clusterwide: bool) -> kopf.OperatorSettings:
    """Return kopf's settings: it writes nothing, and watches no more of a kind than we need.

    Where the rights end at some namespaces, it looks for neither namespaces nor CRDs: both are the cluster's.
    """
    settings = kopf.OperatorSettings()
    settings.scanning.disabled = not clusterwide
    settings.networking.error_backoffs = Patience()
    settings.posting.enabled = False
    settings.peering.standalone = True
    settings.process.ultimate_exiting_timeout = None
    settings.watching.chunk_size = LIST_CHUNK
    settings.queueing.idle_timeout = IDLE_SECONDS
    settings.persistence.diffbase_storage = NothingHandled()
    for kind in KINDS:
        if kind.selector:
            settings.watching.label_selectors[kind.group, kind.version, kind.plural] = kind.selector
    return settings


def _watch(
    registry: kopf.OperatorRegistry,
    kind: Kind,
    store: Store,
    queue: DelayQueue[Key],
    watches: Watches,
) -> None:
    listed: set[str] = set()  # uids

    # Not an index of kopf's: it keeps all objects waiting for one another, which takes their number squared.
    @kopf.on.event(kind.group, kind.version, kind.plural, registry=registry, id=f"notice-{kind.plural}")
    async def notice(event: kopf.RawEvent, **_: object) -> None:
        body = cast("Body", event["object"])
        about, uid = store.models_about(kind, body), body["metadata"]["uid"]
        if event["type"] is None:
            # kopf lists a kind anew when the API server no longer knows where its watch stood ("410 Gone");
            # of what went meanwhile it never tells.
            if uid in listed:
                watches.note_gap()
            listed.add(uid)
            watches.note_listed(uid)
        if event["type"] == "DELETED":
            store.drop(kind, body)
            listed.discard(uid)
        elif not store.put(kind, body):
            return  # the echo of a write of ours, or listed before
        for key in about:
            await queue.put(key)


def _log_in(**kwargs: Any) -> kopf.ConnectionInfo | None:  # noqa: ANN401 - kopf's own
    """Return credentials: the pod's, or on a developer's machine those of the kubeconfig."""
    return kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)
