"""A model's Kafka user: a certificate or a password, and exactly the rights that its pods need."""

from catdog_operator.manifests.common import Manifest, build_owner
from catdog_operator.manifests.kafka_topic import build_kafka_labels
from catdog_operator.resolve import Resolved
from catdog_operator.resource import CatDogModel


def build_kafka_user(model: CatDogModel, resolved: Resolved, cluster: str, authentication: str) -> Manifest:
    """Return the KafkaUser of the model's pods in a Kafka; `authentication` is Strimzi's type."""
    return {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "KafkaUser",
        "metadata": {
            "name": resolved.user_name,
            "namespace": model.namespace,
            "labels": build_kafka_labels(model, cluster),
            "ownerReferences": [build_owner(model)],
        },
        "spec": {
            "authentication": {"type": authentication},
            "authorization": {
                "type": "simple",
                # Read and Write imply Describe; an idempotent producer needs nothing more since Kafka 2.8.
                "acls": [
                    _allow("topic", resolved.input.name, "Read"),
                    _allow("topic", resolved.output.name, "Write"),
                    _allow("topic", resolved.dead_letters.name, "Write"),
                    _allow("group", resolved.consumer_group, "Read"),
                    *_allow_training(model, resolved),
                    *_allow_shadow(resolved),
                ],
            },
        },
    }


def _allow_training(model: CatDogModel, resolved: Resolved) -> list[Manifest]:
    """Return the right to read the topic that is trained on; the trainer is in no consumer group."""
    dataset = model.spec.training.dataset.kafka
    if dataset is None or dataset.topic == resolved.input.name:
        return []
    return [_allow("topic", dataset.topic, "Read")]


def _allow_shadow(resolved: Resolved) -> list[Manifest]:
    """Return what the shadow needs besides: a group and a topic of its own, and to see the answers."""
    if resolved.shadow is None:
        return []
    return [
        _allow("topic", resolved.shadow.name, "Write"),
        _allow("topic", resolved.output.name, "Read"),
        _allow("group", resolved.shadow_group, "Read"),
    ]


def _allow(kind: str, name: str, operation: str) -> Manifest:
    return {
        "resource": {"type": kind, "name": name, "patternType": "literal"},
        "operations": [operation],
    }
