"""A Kafka's brokers as their pods: ask for their restart, as Strimzi's docs say, and see them go and come."""

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from time import monotonic

from tests.cluster.instance import Instance
from tests.cluster.strimzi.kube import Kube
from tests.cluster.strimzi.objects import has_condition
from tests.cluster.strimzi.rolling import MANUAL_ROLLING_UPDATE
from tests.e2e.models import NAMESPACE


@dataclass(frozen=True)
class Absence:
    """For so long there was no pod of a broker, or one that was not ready; times by the monotonic clock."""

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
