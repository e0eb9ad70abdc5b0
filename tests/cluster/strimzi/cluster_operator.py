"""Makes a running Kafka of `Kafka` and `KafkaNodePool`, and says so in their status.

Strimzi docs: "Deploying and managing: Using the Cluster Operator", "Kafka resource status".
"""

from typing import Any

from tests.cluster.strimzi.admins import Admins
from tests.cluster.strimzi.authorities import Authorities, ensure_authorities, forget_former
from tests.cluster.strimzi.broker_config import METADATA_VERSION, Addresses
from tests.cluster.strimzi.broker_pods import build_config_map, build_stateful_set, cluster_id
from tests.cluster.strimzi.certificates import (
    ensure_broker_certificates,
    ensure_operator_certificate,
    shows,
)
from tests.cluster.strimzi.controller import Key, RetryError
from tests.cluster.strimzi.kube import Kube, Manifest
from tests.cluster.strimzi.objects import condition, has_condition, status_of
from tests.cluster.strimzi.rolling import await_registered, is_rolled_out, restart_next
from tests.cluster.strimzi.services import build_services, read_addresses
from tests.cluster.strimzi.spec import Cluster, Listener, UnsupportedError, parse_cluster

KAFKA_VERSION = "4.3.1"
OPERATOR_VERSION = "1.2.0"
RESYNC_SECONDS = 120.0


class ClusterOperator:
    """Reconciles Kafka resources with the brokers that run."""

    def __init__(self, kube: Kube, admins: Admins, image: str) -> None:
        self._kube = kube
        self._admins = admins
        self._image = image

    async def reconcile(self, key: Key) -> float | None:
        """Bring one Kafka to what its resources say."""
        kafka = await self._kube.get("Kafka", *key)
        if kafka is None or "deletionTimestamp" in kafka["metadata"]:
            return None
        labels = f"strimzi.io/cluster={key.name}"
        pools = await self._kube.list("KafkaNodePool", key.namespace, labels)
        try:
            cluster = parse_cluster(kafka, pools)
        except UnsupportedError as error:
            failed = condition("NotReady", reason="InvalidResourceException", message=str(error))
            await self._kube.set_status(kafka, status_of(kafka, [failed], **_kept(kafka)))
            return RESYNC_SECONDS
        if not _has_conditions(kafka):
            creating = condition("NotReady", reason="Creating", message="Kafka cluster is being deployed")
            await self._kube.set_status(kafka, status_of(kafka, [creating]))
        await self._deploy(cluster, kafka, pools[0])
        return RESYNC_SECONDS

    async def _deploy(self, cluster: Cluster, kafka: Manifest, pool: Manifest) -> None:
        services = [await self._kube.apply(service) for service in build_services(cluster)]
        addresses = read_addresses(cluster, services, await self._kube.list("Node"))
        if not addresses.nodes:
            raise RetryError("no node has an internal address yet")
        authorities = await ensure_authorities(self._kube, cluster)
        running = await self._kube.get("StatefulSet", cluster.namespace, f"{cluster.name}-{cluster.pool}")
        rolled_out = running is not None and await is_rolled_out(self._kube, cluster, running)
        certificates = await ensure_broker_certificates(
            self._kube, cluster, authorities, addresses, rolled_out=rolled_out
        )
        renewed = shows(cluster, certificates, authorities)
        if renewed:
            await ensure_operator_certificate(self._kube, cluster, authorities.cluster.pair)
        config = await self._kube.apply(build_config_map(cluster, addresses))
        stateful_set = await self._kube.apply(build_stateful_set(cluster, self._image, config, certificates))
        admin = await self._admins.connect(cluster.namespace, cluster.name)
        # Until the brokers are there the status stays: it is written at a reconciliation's end.
        if await restart_next(self._kube, cluster, stateful_set, admin):
            await await_registered(cluster, admin)
            if renewed:
                await forget_former(self._kube, cluster, authorities.cluster)
            await self._kube.set_status(pool, _pool_status(cluster, pool))
            await self._kube.set_status(kafka, _ready_status(cluster, kafka, authorities, addresses))


def _ready_status(
    cluster: Cluster, kafka: Manifest, authorities: Authorities, addresses: Addresses
) -> Manifest:
    certificate = authorities.cluster.pair.certificate.decode()
    return status_of(
        kafka,
        [condition("Ready")],
        clusterId=cluster_id(cluster),
        kafkaVersion=KAFKA_VERSION,
        kafkaMetadataVersion=METADATA_VERSION,
        operatorLastSuccessfulVersion=OPERATOR_VERSION,
        kafkaNodePools=[{"name": cluster.pool}],
        listeners=[
            _listener_status(cluster, listener, addresses, certificate) for listener in cluster.listeners
        ],
    )


def _listener_status(
    cluster: Cluster, listener: Listener, addresses: Addresses, certificate: str
) -> Manifest:
    if listener.type == "nodeport":
        port = addresses.bootstrap_node_ports[listener.name]
        hosts: tuple[str, ...] = addresses.nodes
    else:
        port = listener.port
        hosts = (f"{cluster.name}-kafka-bootstrap.{cluster.namespace}.svc",)
    return {
        "name": listener.name,
        "addresses": [{"host": host, "port": port} for host in hosts],
        "bootstrapServers": ",".join(f"{host}:{port}" for host in hosts),
        **({"certificates": [certificate]} if listener.tls else {}),
    }


def _pool_status(cluster: Cluster, pool: Manifest) -> Manifest:
    return {
        "observedGeneration": pool["metadata"]["generation"],
        "clusterId": cluster_id(cluster),
        "nodeIds": [broker.id for broker in cluster.brokers],
        "roles": ["controller", "broker"],
        "replicas": len(cluster.brokers),
        "labelSelector": f"strimzi.io/cluster={cluster.name},strimzi.io/name={cluster.name}-kafka,"
        f"strimzi.io/kind=Kafka,strimzi.io/pool-name={cluster.pool}",
    }


def _has_conditions(kafka: Manifest) -> bool:
    return has_condition(kafka, "Ready") or has_condition(kafka, "NotReady")


def _kept(kafka: Manifest) -> dict[str, Any]:
    """Return what stays of a status when a reconciliation fails before the listeners."""
    status = kafka.get("status", {})
    return {
        key: status[key]
        for key in ("clusterId", "kafkaNodePools", "operatorLastSuccessfulVersion")
        if key in status
    }
