"""Restarts brokers one after another, each as soon as producers with acks=all would not miss it.

Strimzi docs: "Performing a rolling update using a pod annotation" (who asks for it; "regardless of the topic
replication factor used"), "Managing rolling updates" (in-sync replicas are regarded), "Reasons for a restart
event" (configuration and certificates that changed).
"""

from collections.abc import Collection, Sequence

import msgspec

from tests.cluster.strimzi.controller import RetryError
from tests.cluster.strimzi.kafka_admin import KafkaAdmin, Partition
from tests.cluster.strimzi.kube import Kube, Manifest
from tests.cluster.strimzi.objects import has_condition
from tests.cluster.strimzi.spec import Broker, Cluster

MANUAL_ROLLING_UPDATE = "strimzi.io/manual-rolling-update"


class BrokerPod(msgspec.Struct, frozen=True):
    """A broker's pod, as far as it matters to whether it is to be restarted."""

    broker: Broker
    is_ready: bool
    is_outdated: bool  # or someone wishes it to be restarted


async def restart_next(
    kube: Kube, cluster: Cluster, stateful_set: Manifest, admin: KafkaAdmin | None
) -> bool:
    """Restart the next pod that is to be; return whether none is left and all are ready.

    Raises:
        RetryError: a broker has to be waited for before the next one may go.
    """
    pods = await _look_at_pods(kube, cluster, stateful_set)
    chosen = choose(pods, len(cluster.brokers))
    if chosen is None:
        return _are_current(pods, cluster)
    if chosen.is_ready:
        await _check(cluster, chosen.broker, admin)
    await kube.delete("Pod", cluster.namespace, chosen.broker.pod)
    return False


async def is_rolled_out(kube: Kube, cluster: Cluster, stateful_set: Manifest) -> bool:
    """Whether all brokers are ready, and as the StatefulSet has them."""
    return _are_current(await _look_at_pods(kube, cluster, stateful_set), cluster)


async def _look_at_pods(kube: Kube, cluster: Cluster, stateful_set: Manifest) -> list[BrokerPod]:
    """Return the brokers' pods; none before their controller has seen the StatefulSet as it is."""
    status = stateful_set.get("status", {})
    if status.get("observedGeneration") != stateful_set["metadata"]["generation"]:
        return []
    labels = f"strimzi.io/cluster={cluster.name},strimzi.io/name={cluster.name}-kafka"
    found = await kube.list("Pod", cluster.namespace, labels)
    return read_pods(cluster, found, status.get("updateRevision"))


def _are_current(pods: Sequence[BrokerPod], cluster: Cluster) -> bool:
    return len(pods) == len(cluster.brokers) and all(pod.is_ready and not pod.is_outdated for pod in pods)


async def await_registered(cluster: Cluster, admin: KafkaAdmin | None) -> KafkaAdmin:
    """Return the connection, by which all brokers are known to be there.

    Raises:
        RetryError: they are not.
    """
    wanted = {broker.id for broker in cluster.brokers}
    if admin is None or await admin.broker_ids() != wanted:
        raise RetryError(f"not all brokers of {cluster.name} are registered")
    return admin


def read_pods(cluster: Cluster, found: Sequence[Manifest], revision: str | None) -> list[BrokerPod]:
    """Return the pods of the cluster's brokers that are there and not about to go."""
    by_name = {pod["metadata"]["name"]: pod for pod in found if "deletionTimestamp" not in pod["metadata"]}
    return [
        BrokerPod(
            broker,
            is_ready=has_condition(by_name[broker.pod], "Ready"),
            is_outdated=_is_outdated(by_name[broker.pod]["metadata"], revision),
        )
        for broker in cluster.brokers
        if broker.pod in by_name
    ]


def choose(pods: Sequence[BrokerPod], brokers: int) -> BrokerPod | None:
    """Return the pod to restart next, if any: first what serves nobody, then one while all are ready."""
    outdated = [pod for pod in pods if pod.is_outdated]
    unready = [pod for pod in outdated if not pod.is_ready]
    if unready:
        return unready[0]
    all_ready = len(pods) == brokers and all(pod.is_ready for pod in pods)
    return outdated[0] if outdated and all_ready else None


def would_stall(partition: Partition, broker: int) -> bool:
    """Whether producers with acks=all would have to wait while the broker is away.

    A partition that has no more replicas than have to be in sync always has them wait, and holds nothing up.
    """
    if broker not in partition.replicas or len(partition.replicas) <= partition.min_in_sync:
        return False
    return len(set(partition.in_sync) - {broker}) < partition.min_in_sync


def stalled(partitions: Collection[Partition], broker: int) -> list[str]:
    """Return the partitions for which the broker has to stay, as Kafka writes them."""
    return [f"{each.topic}-{each.number}" for each in partitions if would_stall(each, broker)]


async def _check(cluster: Cluster, broker: Broker, admin: KafkaAdmin | None) -> None:
    partitions = await (await await_registered(cluster, admin)).partitions()
    if names := stalled(partitions, broker.id):
        raise RetryError(f"{broker.pod} has to stay: too few replicas would be in sync of {', '.join(names)}")


def _is_outdated(metadata: Manifest, revision: str | None) -> bool:
    asked = metadata.get("annotations", {}).get(MANUAL_ROLLING_UPDATE) == "true"
    return bool(asked or metadata["labels"].get("controller-revision-hash") != revision)
