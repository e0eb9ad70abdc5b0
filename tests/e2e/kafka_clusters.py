"""Kafka clusters that a test asks Strimzi for, beside the one that is there."""

import json
from typing import Any

from tests.cluster.instance import Instance
from tests.e2e.models import NAMESPACE

Manifest = dict[str, Any]
EPHEMERAL: Manifest = {"type": "ephemeral"}
PERSISTENT: Manifest = {"type": "persistent-claim", "size": "1Gi"}
MUTUAL_TLS: Manifest = {
    "name": "tls",
    "port": 9093,
    "type": "internal",
    "tls": True,
    "authentication": {"type": "tls"},
}
EXTERNAL: Manifest = {"name": "external", "port": 9094, "type": "nodeport", "tls": False}  # for the host


def make_kafka(
    cluster: Instance,
    name: str,
    *listeners: Manifest,
    super_users: tuple[str, ...] = (),
    brokers: int = 1,
    storage: Manifest = EPHEMERAL,
    heap: str = "256m",
) -> None:
    """Apply a Kafka cluster; `super_users` may do everything, `heap` is Java's most memory."""
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
            "replicas": brokers,
            "roles": ["controller", "broker"],
            "storage": storage,
            "jvmOptions": {"-Xms": "128m", "-Xmx": heap},
            "resources": {"requests": {"cpu": "50m", "memory": "384Mi"}},
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
                "config": _config(brokers),
            },
            "entityOperator": {"topicOperator": {}, "userOperator": {}},
        },
    }
    for manifest in (pool, kafka):
        cluster.kubectl("apply", "-f", "-", input=json.dumps(manifest))


def external_address(cluster: Instance, name: str) -> str:
    """Return where the host reaches a Kafka that has the listener `EXTERNAL`."""
    listener = "{.status.listeners[?(@.name=='external')].bootstrapServers}"
    return cluster.kubectl("get", "kafka", name, "-n", NAMESPACE, "-o", f"jsonpath={listener}")


def _config(brokers: int) -> Manifest:
    """Return what Strimzi's examples say of replicas, and what has a small machine start sooner."""
    return {
        # Else a client that comes before its KafkaTopic makes the topic, of one partition, and sees no other.
        "auto.create.topics.enable": False,
        "default.replication.factor": brokers,
        "min.insync.replicas": max(1, brokers - 1),
        # Strimzi leaves Kafka's default, three, which one broker can't give to a group's offsets.
        "offsets.topic.replication.factor": brokers,
        "offsets.topic.num.partitions": 4,
        # The log cleaner's table of keys, 128 MiB by default.
        "log.cleaner.dedupe.buffer.size": 4194304,
    }
