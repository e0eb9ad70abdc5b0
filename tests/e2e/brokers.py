"""A Kafka's brokers as their pods: ask for their restart, as Strimzi's docs say, and see them go and come."""

import os
import signal
from collections.abc import AsyncIterator, Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from tests.cluster.instance import Instance
from tests.cluster.strimzi.kube import Kube
from tests.cluster.strimzi.objects import has_condition
from tests.cluster.strimzi.rolling import MANUAL_ROLLING_UPDATE
from tests.e2e.models import NAMESPACE


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
    gone: dict[str, float] = {}
    left = dict(before)
    async for event in kube.watch("Pod"):
        name, uid = event.object["metadata"]["name"], event.object["metadata"]["uid"]
        if name not in left or event.object["metadata"]["namespace"] != NAMESPACE:
            continue
        if event.deleted:
            gone[name] = monotonic()
        elif uid != left[name] and has_condition(event.object, "Ready"):
            del left[name]
            yield Absence(name, gone[name], monotonic())
        if not left:
            return


def kill(uid: str) -> None:
    """Kill the broker of the pod with this uid without a word."""
    [broker] = [path for path in Path("/proc").iterdir() if _is_broker_of(path, uid)]
    os.kill(int(broker.name), signal.SIGKILL)


async def await_revived(kube: Kube, pod: str, times: int = 1) -> None:
    """Return when a pod's broker was started anew so often, and is ready."""
    async for event in kube.watch("Pod"):
        if (event.object["metadata"]["namespace"], event.object["metadata"]["name"]) == (NAMESPACE, pod):
            [container] = event.object["status"].get("containerStatuses", [{}])
            if container.get("restartCount") == times and container["ready"]:
                return


def _is_broker_of(process: Path, uid: str) -> bool:
    with suppress(OSError):  # no process, or one that has ended
        is_java = (process / "comm").read_text().strip() == "java"
        return is_java and f"pod{uid}" in (process / "cgroup").read_text()
    return False
