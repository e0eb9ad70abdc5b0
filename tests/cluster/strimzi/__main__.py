"""Stands for Strimzi's operators, as a program: `python -m tests.cluster.strimzi --kubeconfig FILE ...`."""

import argparse
import asyncio
import contextlib
import logging
import signal
from pathlib import Path

import yaml

from tests.cluster.strimzi.access_operator import AccessOperator, concerns
from tests.cluster.strimzi.admins import Admins
from tests.cluster.strimzi.cluster_operator import ClusterOperator
from tests.cluster.strimzi.controller import Controller, Key
from tests.cluster.strimzi.kube import Kube, Manifest, connect, read_kubeconfig
from tests.cluster.strimzi.topic_operator import TopicOperator
from tests.cluster.strimzi.user_operator import UserOperator

_CRDS = Path(__file__).parent / "crds"


class StandIn:
    """Wires what is watched to what is woken by it."""

    def __init__(self, kube: Kube, image: str) -> None:
        admins = Admins(kube)
        users = UserOperator(kube, admins)
        self._kube = kube
        self._clusters = Controller("Kafka", ClusterOperator(kube, admins, image).reconcile)
        self._topics = Controller("KafkaTopic", TopicOperator(kube, admins).reconcile)
        self._users = Controller("KafkaUser", users.reconcile)
        self._sweeps = Controller("users of", users.sweep)
        self._accesses = Controller("KafkaAccess", AccessOperator(kube).reconcile)
        self._known_accesses: dict[Key, Manifest] = {}

    async def run(self) -> None:
        """Watch and reconcile until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for controller in (self._clusters, self._topics, self._users, self._sweeps, self._accesses):
                tasks.create_task(controller.run())
            for watch in (self._watch_kafkas, self._watch_topics, self._watch_users, self._watch_accesses):
                tasks.create_task(watch())
            for kind in ("KafkaNodePool", "StatefulSet", "Pod", "Secret"):
                tasks.create_task(self._watch_parts(kind))

    async def _watch_kafkas(self) -> None:
        async for event in self._kube.watch("Kafka"):
            key = _key(event.object)
            self._clusters.wake(key)
            self._wake_accesses(event.object)
            if "clusterId" in event.object.get("status", {}):
                await self._wake_entities(key)

    async def _wake_entities(self, cluster: Key) -> None:
        self._sweeps.wake(cluster)
        labels = f"strimzi.io/cluster={cluster.name}"
        for kind, controller in (("KafkaTopic", self._topics), ("KafkaUser", self._users)):
            for resource in await self._kube.list(kind, cluster.namespace, labels):
                controller.wake(_key(resource))

    async def _watch_topics(self) -> None:
        async for event in self._kube.watch("KafkaTopic"):
            self._topics.wake(_key(event.object))

    async def _watch_users(self) -> None:
        async for event in self._kube.watch("KafkaUser"):
            self._users.wake(_key(event.object))
            self._wake_accesses(event.object)
            if event.deleted and (cluster := _cluster(event.object)):
                self._sweeps.wake(cluster)

    async def _watch_accesses(self) -> None:
        async for event in self._kube.watch("KafkaAccess"):
            key = _key(event.object)
            if event.deleted:
                self._known_accesses.pop(key, None)
            else:
                self._known_accesses[key] = event.object
            self._accesses.wake(key)

    def _wake_accesses(self, resource: Manifest) -> None:
        for key, access in self._known_accesses.items():
            if concerns(access, resource):
                self._accesses.wake(key)

    async def _watch_parts(self, kind: str) -> None:
        """Wake the Kafka that a node pool or a broker's pod names, or whose is a StatefulSet or a Secret."""
        async for event in self._kube.watch(kind):
            if kind == "Secret":
                self._wake_accesses(event.object)
            if kind in ("KafkaNodePool", "Pod") and (cluster := _cluster(event.object)):
                self._clusters.wake(cluster)
            for owner in event.object["metadata"].get("ownerReferences", []):
                key = Key(event.object["metadata"]["namespace"], owner["name"])
                if owner["kind"] == "Kafka":
                    self._clusters.wake(key)
                elif owner["kind"] == "KafkaUser":
                    self._users.wake(key)


def _key(resource: Manifest) -> Key:
    return Key(resource["metadata"]["namespace"], resource["metadata"]["name"])


def _cluster(resource: Manifest) -> Key | None:
    name = resource["metadata"].get("labels", {}).get("strimzi.io/cluster")
    return Key(resource["metadata"]["namespace"], name) if name else None


async def _apply_crds(kube: Kube) -> None:
    for path in sorted(_CRDS.glob("*.yaml")):
        await kube.apply(yaml.safe_load(path.read_text()))


async def _run(kubeconfig: Path, image: str) -> None:
    async with connect(read_kubeconfig(kubeconfig)) as kube:
        await _apply_crds(kube)
        running = asyncio.create_task(StandIn(kube, image).run())
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, running.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await running


def main() -> None:
    """Run until a signal ends it."""
    parser = argparse.ArgumentParser(prog="python -m tests.cluster.strimzi", description=__doc__)
    parser.add_argument("--kubeconfig", type=Path, required=True)
    parser.add_argument(
        "--kafka-image", required=True, help="image of a broker, as tests/cluster/kafka_image makes it"
    )
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    asyncio.run(_run(arguments.kubeconfig, arguments.kafka_image))


if __name__ == "__main__":
    main()
