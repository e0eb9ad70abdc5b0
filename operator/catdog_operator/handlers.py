"""Glue to kopf, which only watches: whatever happens to an object puts its models into the queue."""

from collections.abc import Callable
from typing import Any

import kopf

from catdog_operator.delay_queue import DelayQueue
from catdog_operator.kinds import KINDS, Kind
from catdog_operator.store import Key, Store


def build_registry(store: Store, queue: DelayQueue[Key], on_gap: Callable[[], None]) -> kopf.OperatorRegistry:
    """Return kopf's registry with handlers for every kind; `on_gap` hears that events may be missing."""
    registry = kopf.OperatorRegistry()
    kopf.on.login(registry=registry)(_log_in)
    for kind in KINDS:
        _watch(registry, kind, store, queue, on_gap)
    return registry


def build_settings(*, clusterwide: bool) -> kopf.OperatorSettings:
    """Return kopf's settings: it writes nothing, and watches no more of a kind than we need.

    Where the rights end at some namespaces, it looks for neither namespaces nor CRDs: both are the cluster's.
    """
    settings = kopf.OperatorSettings()
    settings.scanning.disabled = not clusterwide
    settings.posting.enabled = False
    settings.peering.standalone = True
    settings.process.ultimate_exiting_timeout = None
    for kind in KINDS:
        if kind.selector:
            settings.watching.label_selectors[kind.group, kind.version, kind.plural] = kind.selector
    return settings


def _watch(
    registry: kopf.OperatorRegistry,
    kind: Kind,
    store: Store,
    queue: DelayQueue[Key],
    on_gap: Callable[[], None],
) -> None:
    selector = (kind.group, kind.version, kind.plural)
    listed: set[str] = set()  # uids

    # An index, because kopf runs those over all objects of all kinds before it tells of any event:
    # so no decision is made on a view of the half.
    @kopf.index(*selector, registry=registry, id=f"remember-{kind.plural}")
    async def remember(body: kopf.Body, **_: object) -> None:
        store.put(kind, dict(body))

    @kopf.on.event(*selector, registry=registry, id=f"notice-{kind.plural}")
    async def notice(event: kopf.RawEvent, body: kopf.Body, **_: object) -> None:
        about, uid = store.models_about(kind, dict(body)), body["metadata"]["uid"]
        if event["type"] == "DELETED":
            store.drop(kind, dict(body))
            listed.discard(uid)
        elif event["type"] is None:
            # kopf lists a kind anew when the API server no longer knows where its watch stood ("410 Gone");
            # of what went meanwhile it never tells.
            if uid in listed:
                on_gap()
            listed.add(uid)
        for key in about:
            await queue.put(key)


def _log_in(**kwargs: Any) -> kopf.ConnectionInfo | None:  # noqa: ANN401 - kopf's own
    """Return credentials: the pod's, or on a developer's machine those of the kubeconfig."""
    return kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)
