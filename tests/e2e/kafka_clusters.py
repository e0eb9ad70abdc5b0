"""Kafka clusters that a test asks Strimzi for, beside the one that is there."""

import json
from typing import Any

from tests.cluster.instance import Instance
from tests.e2e.models import NAMESPACE

Manifest = dict[str, Any]
MUTUAL_TLS: Manifest = {
    "name": "tls",
    "port": 9093,
    "type": "internal",
    "tls": True,
    "authentication": {"type": "tls"},
}


def make_kafka(
    cluster: Instance,
    name: str,
    *listeners: Manifest,
    super_users: tuple[str, ...] = (),
    heap: str | None = None,
) -> None:
    """Apply a Kafka cluster of one broker; `super_users` may do everything, `heap` is Java's most memory."""
    test = {"catdog.dev/test": name}
    pool = {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "KafkaNodePool",
        "metadata": {
            "name": f"{name}-pool",
            "namespace": NAMESPACE,
            "labels": {"strimzi.io/cluster": name, **test},
        },
        "spec": {
            "replicas": 1,
            "roles": ["controller", "broker"],
            "storage": {"type": "ephemeral"},
            **({"jvmOptions": {"-Xmx": heap}} if heap else {}),
        },
    }
    kafka = {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "Kafka",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": test},
        "spec": {
            "kafka": {
                "listeners": list(listeners) or [MUTUAL_TLS],
                "authorization": {"type": "simple", "superUsers": list(super_users)},
                # Strimzi leaves Kafka's default, three, which one broker can't give to a group's offsets.
                "config": {"offsets.topic.replication.factor": 1},
            },
            "entityOperator": {"topicOperator": {}, "userOperator": {}},
        },
    }
    for manifest in (pool, kafka):
        cluster.kubectl("apply", "-f", "-", input=json.dumps(manifest))
