"""The brokers' pods: their configuration and the StatefulSet that runs them.

Strimzi runs its pods by a resource of its own; a StatefulSet gives them the same names.
"""

import base64
import hashlib
import uuid
from collections.abc import Mapping

from tests.cluster.strimzi.broker_config import (
    CERTIFICATES_DIR,
    DATA_DIR,
    Addresses,
    broker_properties,
    render_properties,
)
from tests.cluster.strimzi.kube import Manifest
from tests.cluster.strimzi.objects import cluster_labels, cluster_metadata
from tests.cluster.strimzi.spec import REPLICATION_PORT, Cluster

CONFIG_DIR = "/etc/kafka/config"


def build_config_map(cluster: Cluster, addresses: Addresses) -> Manifest:
    """Return the ConfigMap with each broker's properties."""
    data = {
        f"{broker.pod}.properties": render_properties(broker_properties(cluster, broker, addresses))
        for broker in cluster.brokers
    }
    metadata = cluster_metadata(cluster, f"{cluster.name}-kafka-config")
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def build_stateful_set(
    cluster: Cluster, image: str, config: Manifest, certificates: Mapping[str, bytes]
) -> Manifest:
    """Return the brokers' StatefulSet; with other configuration or certificates its pods are outdated."""
    labels = cluster_labels(cluster)
    selector = {key: labels[key] for key in ("strimzi.io/cluster", "strimzi.io/kind", "strimzi.io/name")}
    roles = {
        "strimzi.io/pool-name": cluster.pool,
        "strimzi.io/broker-role": "true",
        "strimzi.io/controller-role": "true",
    }
    annotations = {"strimzi.io/configuration-hash": _digest(config["data"], certificates)}
    spec = {
        "serviceName": f"{cluster.name}-kafka-brokers",
        "replicas": len(cluster.brokers),
        "podManagementPolicy": "Parallel",  # a quorum of controllers forms only together
        "updateStrategy": {"type": "OnDelete"},  # when one may go is for `rolling.py` to say
        "selector": {"matchLabels": selector},
        "template": {
            "metadata": {"labels": labels | roles, "annotations": annotations},
            "spec": _pod(cluster, image),
        },
        "volumeClaimTemplates": _claim_templates(cluster),
    }
    metadata = cluster_metadata(cluster, f"{cluster.name}-{cluster.pool}")
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": metadata, "spec": spec}


def cluster_id(cluster: Cluster) -> str:
    """Return Kafka's id of the cluster: the Kafka resource's own, so that one made anew is another."""
    return base64.urlsafe_b64encode(uuid.UUID(cluster.uid).bytes).decode().rstrip("=")


def _pod(cluster: Cluster, image: str) -> Manifest:
    volumes: list[Manifest] = [
        {"name": "config", "configMap": {"name": f"{cluster.name}-kafka-config"}},
        {"name": "certificates", "secret": {"secretName": f"{cluster.name}-kafka-brokers"}},
        {"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}},
    ]
    if cluster.storage.type == "ephemeral":
        limit = {"sizeLimit": cluster.storage.size_limit} if cluster.storage.size_limit else {}
        volumes.append({"name": "data", "emptyDir": limit})
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {"runAsNonRoot": True, "fsGroup": 0, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [_container(cluster, image)],
        "volumes": volumes,
    }


def _container(cluster: Cluster, image: str) -> Manifest:
    return {
        "name": "kafka",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "args": [f"{CONFIG_DIR}/$(POD_NAME).properties", cluster_id(cluster)],
        "env": [
            {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "HOST_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}},
            {"name": "KAFKA_HEAP_OPTS", "value": cluster.heap},
        ],
        "ports": [{"name": "tcp-replication", "containerPort": REPLICATION_PORT}],
        # The broker opens its ports when it has caught up with the controllers.
        "readinessProbe": {"tcpSocket": {"port": REPLICATION_PORT}, "periodSeconds": 1},
        "resources": cluster.resources or {"requests": {"cpu": "50m", "memory": "512Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [
            {"name": "config", "mountPath": CONFIG_DIR, "readOnly": True},
            {"name": "certificates", "mountPath": CERTIFICATES_DIR, "readOnly": True},
            {"name": "data", "mountPath": DATA_DIR},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 -- the container's own
        ],
    }


def _claim_templates(cluster: Cluster) -> list[Manifest]:
    if cluster.storage.type == "ephemeral":
        return []
    storage_class = (
        {"storageClassName": cluster.storage.storage_class} if cluster.storage.storage_class else {}
    )
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": cluster.storage.size}},
        **storage_class,
    }
    return [{"metadata": {"name": "data"}, "spec": spec}]


def _digest(config: Mapping[str, str], certificates: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for key, value in sorted(config.items()):
        digest.update(f"{key}\0{value}\0".encode())
    for key, data in sorted(certificates.items()):
        digest.update(key.encode() + b"\0" + data)
    return digest.hexdigest()[:16]
