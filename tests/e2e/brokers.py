"""A Kafka's brokers as their pods: ask for their restart, as Strimzi's docs say, and see them go and come."""

import os
import signal
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass
from time import monotonic
from typing import Any

from tests.cluster.instance import Instance
from tests.cluster.strimzi.kube import Kube
from tests.cluster.strimzi.objects import has_condition
from tests.cluster.strimzi.rolling import MANUAL_ROLLING_UPDATE
from tests.e2e.models import NAMESPACE
from tests.e2e.processes import process_in_pod


@dataclass(frozen=True)
class Absence:
    """From a pod's end until the next one was ready, by the monotonic clock."""

    pod: str
    begin: float
    end: float


async def broker_pods(kube: Kube, kafka: str) -> dict[str, str]:
    """Return the uid of each broker's pod."""
    labels = f"strimzi.io/cluster={kafka},strimzi.io/name={kafka}-kafka"
    pods = await kube.list("Pod", NAMESPACE, labels)
    return {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in pods}


def ask_for_restart(cluster: Instance, pods: Collection[str]) -> None:
    """Annotate pods of brokers, as a person does who wants them restarted."""
    cluster.kubectl("annotate", "pod", *pods, "-n", NAMESPACE, f"{MANUAL_ROLLING_UPDATE}=true")


async def restarts(kube: Kube, before: dict[str, str]) -> AsyncIterator[Absence]:
    """Yield each pod's absence when another has come in its place and is ready, until all were replaced."""
    asked, gone, left = monotonic(), dict[str, float](), dict(before)
    async for event in kube.watch("Pod"):
        name, uid = event.object["metadata"]["name"], event.object["metadata"]["uid"]
        if name not in left or event.object["metadata"]["namespace"] != NAMESPACE:
            continue
        if event.deleted:
            gone[name] = monotonic()
        elif uid != left[name] and has_condition(event.object, "Ready"):
            del left[name]
            yield Absence(
                name, gone.get(name, asked), monotonic()
            )  # one may have gone before the watch began
        if not left:
            return


def kill(uid: str) -> None:
    """Kill the broker of the pod with this uid without a word."""
    os.kill(process_in_pod(uid, "java"), signal.SIGKILL)


async def await_restarts(kube: Kube, pod: str, times: int) -> None:
    """Return when a pod's broker was started anew so often, or more often."""
    await _await_container(kube, pod, lambda container: container["restartCount"] >= times)


async def await_revived(kube: Kube, pod: str, times: int = 1) -> None:
    """Return when a pod's broker was started anew so often, or more often, and is ready."""
    await _await_container(kube, pod, lambda each: each["restartCount"] >= times and each["ready"])


async def _await_container(kube: Kube, pod: str, holds: Callable[[dict[str, Any]], bool]) -> None:
    async for event in kube.watch("Pod"):
        found = event.object
        if (found["metadata"]["namespace"], found["metadata"]["name"]) != (NAMESPACE, pod):
            continue
        if any(map(holds, found["status"].get("containerStatuses", []))):
            return
