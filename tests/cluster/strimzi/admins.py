"""Admin connections to the Kafka clusters whose entity operator would be running."""

from tests.cluster.strimzi.broker_config import OPERATOR
from tests.cluster.strimzi.certificates import operator_secret
from tests.cluster.strimzi.kafka_admin import Credentials, KafkaAdmin
from tests.cluster.strimzi.kube import Kube, Manifest
from tests.cluster.strimzi.objects import secret_data
from tests.cluster.strimzi.spec import STAND_IN_PORT


class Admins:
    """Keeps one connection a cluster, and makes another when it was lost or the cluster was made anew."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube
        self._known: dict[tuple[str, str], tuple[Credentials, KafkaAdmin]] = {}

    async def of(self, namespace: str, cluster: str, entity: str) -> KafkaAdmin | None:
        """Return the connection, or None where no such operator (topicOperator, userOperator) runs.

        Strimzi deploys the two when the brokers have become ready for the first time.
        """
        kafka = await self._kube.get("Kafka", namespace, cluster)
        if kafka is None:
            self._known.pop((namespace, cluster), None)
        if kafka is None or "clusterId" not in kafka.get("status", {}):
            return None
        if entity not in kafka["spec"].get("entityOperator", {}):
            return None
        return await self.connect(namespace, cluster)

    async def connect(self, namespace: str, cluster: str) -> KafkaAdmin | None:
        """Return the connection, or None where the cluster's Secrets or Services are not there."""
        credentials = await self._credentials(namespace, cluster)
        if credentials is None:
            return None
        known = self._known.get((namespace, cluster))
        if known is None or known[0] != credentials or known[1].lost:
            known = self._known[namespace, cluster] = (credentials, KafkaAdmin(credentials))
        return known[1]

    async def _credentials(self, namespace: str, cluster: str) -> Credentials | None:
        trusted = secret_data(await self._kube.get("Secret", namespace, f"{cluster}-cluster-ca-cert"))
        own = secret_data(await self._kube.get("Secret", namespace, operator_secret(cluster)))
        services = await self._kube.list("Service", namespace, f"strimzi.io/cluster={cluster}")
        servers = ",".join(
            f"{service['spec']['clusterIP']}:{STAND_IN_PORT}" for service in services if _is_ours(service)
        )
        if not (trusted and own and servers):
            return None
        authority = b"".join(value for key, value in sorted(trusted.items()) if key.endswith(".crt"))
        return Credentials(servers, authority, own[f"{OPERATOR}.crt"], own[f"{OPERATOR}.key"])


def _is_ours(service: Manifest) -> bool:
    return any(port["port"] == STAND_IN_PORT for port in service["spec"]["ports"])
