"""A topic of a model; it has no owner, so that its data stay when the model goes, or go by our own doing."""

from catdog_operator.manifests.common import Manifest, build_labels, without_empty
from catdog_operator.resolve import ResolvedTopic
from catdog_operator.resource import CatDogModel
from catdog_operator.strimzi_views import KafkaTopic
from catdog_operator.views import NAMESPACE_LABEL, WHEN_DELETED_ANNOTATION

CLUSTER_LABEL = "strimzi.io/cluster"
_CONFIG = ("max.message.bytes", "min.insync.replicas")  # what the operator sets of a topic's configuration


def build_kafka_topic(model: CatDogModel, topic: ResolvedTopic, cluster: str, namespace: str) -> Manifest:
    """Return the KafkaTopic of one of the model's topics in the Kafka `cluster` of a namespace."""
    # One replica may be away; with two, none could be where both had to have each record.
    in_sync = None if topic.replicas is None else max(1, topic.replicas - 1)
    config = {"max.message.bytes": topic.max_message_bytes, "min.insync.replicas": in_sync}
    return {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "KafkaTopic",
        "metadata": {
            "name": topic.name,
            "namespace": namespace,
            "labels": build_kafka_labels(model, cluster),
            **_when_deleted(model),
        },
        "spec": without_empty(
            {
                "partitions": topic.partitions,
                "replicas": topic.replicas,
                "config": without_empty(config),
            }
        ),
    }


def build_former_topic(model: CatDogModel, topic: KafkaTopic, cluster: str) -> Manifest:
    """Return a topic that the model no longer names, as it is, but for the mark of what becomes of it."""
    config = {name: value for name, value in topic.spec.config.items() if name in _CONFIG}
    return {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "KafkaTopic",
        "metadata": {
            "name": topic.metadata.name,
            "namespace": topic.metadata.namespace,
            "labels": build_kafka_labels(model, cluster),
            **_when_deleted(model),
        },
        "spec": without_empty(
            {"partitions": topic.spec.partitions, "replicas": topic.spec.replicas, "config": config}
        ),
    }


def is_marked_as_told(model: CatDogModel, topic: KafkaTopic) -> bool:
    """Return whether a topic's mark says what the model says becomes of it."""
    mark = topic.metadata.annotations.get(WHEN_DELETED_ANNOTATION, "Retain")
    return mark == model.spec.kafka.topics.when_deleted


def _when_deleted(model: CatDogModel) -> Manifest:
    """Return the mark by which the topic is found when its model is gone."""
    if model.spec.kafka.topics.when_deleted == "Retain":
        return {}
    return {"annotations": {WHEN_DELETED_ANNOTATION: "Delete"}}


def build_kafka_labels(model: CatDogModel, cluster: str) -> dict[str, str]:
    """Return the labels of a KafkaTopic or KafkaUser; Strimzi's operators look for the cluster's."""
    return build_labels(model, "kafka") | {
        NAMESPACE_LABEL: model.namespace,
        CLUSTER_LABEL: cluster,
    }
