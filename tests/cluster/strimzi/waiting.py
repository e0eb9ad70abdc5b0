"""Waits for a resource by watching it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from tests.cluster.strimzi.kube import Kube, Manifest
from tests.cluster.strimzi.objects import has_condition
from tests.cluster.waiting import PATIENCE_SECONDS


async def await_resource(
    kube: Kube,
    kind: str,
    namespace: str,
    name: str,
    holds: Callable[[Manifest], bool],
    timeout_seconds: float = PATIENCE_SECONDS,
) -> Manifest:
    """Return a resource as soon as its operator has seen its present generation and `holds` is true.

    Raises:
        TimeoutError: that did not come; the message has the conditions that were seen.
    """
    seen: Manifest = {}
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(timeout_seconds):
            async for seen in _versions(kube, kind, namespace, name):
                if _is_observed(seen) and holds(seen):
                    return seen
    conditions = seen.get("status", {}).get("conditions", "no conditions") if seen else "there is none"
    raise TimeoutError(
        f"{kind} {namespace}/{name} is not as wanted after {timeout_seconds:.0f} s: {conditions}"
    )


async def await_ready(
    kube: Kube, kind: str, namespace: str, name: str, timeout_seconds: float = PATIENCE_SECONDS
) -> Manifest:
    """Return a resource as soon as it says Ready for its present generation.

    Raises:
        TimeoutError: that did not come; the message has the conditions that were seen.
    """
    return await await_resource(
        kube, kind, namespace, name, lambda found: has_condition(found, "Ready"), timeout_seconds
    )


async def _versions(kube: Kube, kind: str, namespace: str, name: str) -> AsyncIterator[Manifest]:
    async for event in kube.watch(kind):
        metadata = event.object["metadata"]
        if not event.deleted and (metadata["namespace"], metadata["name"]) == (namespace, name):
            yield event.object


def _is_observed(resource: Manifest) -> bool:
    observed = resource.get("status", {}).get("observedGeneration")
    return bool(observed == resource["metadata"]["generation"])
