"""The Services of a cluster, under Strimzi's names, and the addresses that they were given.

Strimzi docs: "Accessing the Kafka cluster", "Configuring listeners".
"""

from collections.abc import Mapping, Sequence

from tests.cluster.strimzi.broker_config import Addresses
from tests.cluster.strimzi.kube import Manifest
from tests.cluster.strimzi.objects import cluster_labels, cluster_metadata
from tests.cluster.strimzi.spec import (
    CONTROL_PLANE_PORT,
    REPLICATION_PORT,
    STAND_IN_PORT,
    Broker,
    Cluster,
    Listener,
)

POD_LABEL = "statefulset.kubernetes.io/pod-name"


def build_services(cluster: Cluster) -> list[Manifest]:
    """Return every Service of the cluster."""
    internal = {
        f"tcp-{listener.name}": listener.port for listener in cluster.listeners if listener.type == "internal"
    }
    replication = {"tcp-replication": REPLICATION_PORT}
    services = [
        _service(cluster, f"{cluster.name}-kafka-bootstrap", replication | internal),
        _service(
            cluster,
            f"{cluster.name}-kafka-brokers",
            {"tcp-ctrlplane": CONTROL_PLANE_PORT} | replication | internal,
            # Brokers find one another before they are ready.
            {"clusterIP": "None", "publishNotReadyAddresses": True},
        ),
    ]
    for broker in cluster.brokers:
        selector = {"selector": {POD_LABEL: broker.pod}}
        services.append(_service(cluster, broker.pod, {"tcp-stand-in": STAND_IN_PORT}, selector))
    for listener in cluster.listeners:
        if listener.type == "nodeport":
            services += _node_port_services(cluster, listener)
    return services


def read_addresses(cluster: Cluster, services: Sequence[Manifest], nodes: Sequence[Manifest]) -> Addresses:
    """Return what the API server gave to the Services that were applied."""
    specs = {service["metadata"]["name"]: service["spec"] for service in services}
    external = [listener for listener in cluster.listeners if listener.type == "nodeport"]
    return Addresses(
        stand_in={broker.pod: specs[broker.pod]["clusterIP"] for broker in cluster.brokers},
        node_ports={
            (listener.name, broker.pod): _node_port(specs[_broker_service(cluster, listener, broker)])
            for listener in external
            for broker in cluster.brokers
        },
        bootstrap_node_ports={
            listener.name: _node_port(specs[f"{cluster.name}-kafka-{listener.name}-bootstrap"])
            for listener in external
        },
        nodes=tuple(
            sorted(
                address["address"]
                for node in nodes
                for address in node["status"].get("addresses", [])
                if address["type"] == "InternalIP"
            )
        ),
    )


def broker_names(cluster: Cluster, broker: Broker) -> list[str]:
    """Return the DNS names that a broker's certificate is valid for, wildcards aside."""
    services = [f"{cluster.name}-kafka-bootstrap", f"{cluster.name}-kafka-brokers"]
    services.append(f"{broker.pod}.{cluster.name}-kafka-brokers")
    namespace = cluster.namespace
    domains = ("", f".{namespace}", f".{namespace}.svc", f".{namespace}.svc.cluster.local")
    return [f"{service}{domain}" for service in services for domain in domains]


def _node_port_services(cluster: Cluster, listener: Listener) -> list[Manifest]:
    ports = {f"tcp-{listener.name}": listener.port}
    node_port = {"type": "NodePort"}
    return [
        _service(cluster, f"{cluster.name}-kafka-{listener.name}-bootstrap", ports, node_port),
        *(
            _service(
                cluster,
                _broker_service(cluster, listener, broker),
                ports,
                node_port | {"selector": {POD_LABEL: broker.pod}},
            )
            for broker in cluster.brokers
        ),
    ]


def _broker_service(cluster: Cluster, listener: Listener, broker: Broker) -> str:
    return f"{cluster.name}-{cluster.pool}-{listener.name}-{broker.id}"


def _node_port(spec: Manifest) -> int:
    port: int = spec["ports"][0]["nodePort"]
    return port


def _service(
    cluster: Cluster, name: str, ports: Mapping[str, int], more: Mapping[str, object] | None = None
) -> Manifest:
    labels = cluster_labels(cluster)
    selector = {key: labels[key] for key in ("strimzi.io/cluster", "strimzi.io/kind", "strimzi.io/name")}
    named = [
        {"name": key, "port": port, "targetPort": port, "protocol": "TCP"} for key, port in ports.items()
    ]
    spec = {"type": "ClusterIP", "selector": selector, "ports": named} | dict(more or {})
    return {"apiVersion": "v1", "kind": "Service", "metadata": cluster_metadata(cluster, name), "spec": spec}
