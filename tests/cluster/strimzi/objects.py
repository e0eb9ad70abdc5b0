"""What the builders of Kubernetes objects and of statuses share."""

import base64
import datetime as dt
from collections.abc import Mapping, Sequence

from tests.cluster.strimzi.kube import Manifest
from tests.cluster.strimzi.spec import Cluster

# On demand of a test: a KafkaTopic or KafkaUser is ignored, as if its operator were down.
NEVER_READY = ("catdog.dev/test", "never-ready")


def cluster_labels(cluster: Cluster) -> dict[str, str]:
    """Return the labels of everything that belongs to a cluster."""
    return {
        "strimzi.io/cluster": cluster.name,
        "strimzi.io/kind": "Kafka",
        "strimzi.io/name": f"{cluster.name}-kafka",
        "app.kubernetes.io/name": "kafka",
        "app.kubernetes.io/instance": cluster.name,
        "app.kubernetes.io/part-of": f"strimzi-{cluster.name}",
        "app.kubernetes.io/managed-by": "strimzi-cluster-operator",
    }


def cluster_metadata(cluster: Cluster, name: str, annotations: Mapping[str, str] | None = None) -> Manifest:
    """Return the metadata of an object that goes when the Kafka resource goes."""
    owner = {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "Kafka",
        "name": cluster.name,
        "uid": cluster.uid,
        "controller": False,
        "blockOwnerDeletion": False,
    }
    return {
        "name": name,
        "namespace": cluster.namespace,
        "labels": cluster_labels(cluster),
        "annotations": dict(annotations or {}),
        "ownerReferences": [owner],
    }


def secret(metadata: Manifest, data: Mapping[str, bytes]) -> Manifest:
    """Return an Opaque Secret."""
    encoded = {key: base64.b64encode(value).decode() for key, value in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": metadata, "data": encoded}


def secret_data(found: Manifest | None) -> dict[str, bytes]:
    """Return a Secret's values; nothing where there is no Secret."""
    encoded = (found or {}).get("data") or {}
    return {key: base64.b64decode(value) for key, value in encoded.items()}


def condition(kind: str, status: str = "True", reason: str = "", message: str = "") -> Manifest:
    """Return a condition as Strimzi writes it: no reason and no message where all is well."""
    details = {"reason": reason, "message": message} if reason else {}
    return {"type": kind, "status": status, **details}


def status_of(resource: Manifest, conditions: Sequence[Manifest], **fields: object) -> Manifest:
    """Return a resource's status; a condition that is as it was keeps its time."""
    before = resource.get("status", {}).get("conditions", [])
    now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "observedGeneration": resource["metadata"]["generation"],
        "conditions": [{**each, "lastTransitionTime": _since(each, before) or now} for each in conditions],
        **fields,
    }


def has_condition(resource: Manifest, kind: str, status: str = "True") -> bool:
    """Whether a resource's status has the condition."""
    found = resource.get("status", {}).get("conditions", [])
    return any(each["type"] == kind and each["status"] == status for each in found)


def is_never_ready(resource: Manifest) -> bool:
    """Whether a test has asked for the resource to be ignored."""
    name, value = NEVER_READY
    return bool(resource["metadata"].get("annotations", {}).get(name) == value)


def _since(wanted: Manifest, before: Sequence[Manifest]) -> str | None:
    for each in before:
        if {**each, "lastTransitionTime": None} == {**wanted, "lastTransitionTime": None}:
            time: str = each["lastTransitionTime"]
            return time
    return None
