"""Rules on the topics of a model in a Kafka of Strimzi's: which are made, and what is said of the others."""

from collections.abc import Iterator

import msgspec

from catdog_operator.manifests.common import MANAGED_BY_LABEL, OPERATOR, Manifest
from catdog_operator.manifests.kafka_topic import (
    CLUSTER_LABEL,
    build_former_topic,
    build_kafka_topic,
    is_marked_as_told,
)
from catdog_operator.observed import Observed
from catdog_operator.resolve import Resolved, ResolvedTopic
from catdog_operator.resource import StrimziCluster
from catdog_operator.strimzi_views import KafkaTopic, KafkaUser
from catdog_operator.views import MODEL_LABEL, NAMESPACE_LABEL, Condition, has_condition


def plan_topics(observed: Observed, resolved: Resolved, strimzi: StrimziCluster) -> tuple[Manifest, ...]:
    """Return the topics to have: none that is another's."""
    wanted = [
        msgspec.structs.replace(topic, partitions=max(topic.partitions, _partitions(observed, topic)))
        for topic in resolved.all_topics
        if topic.name not in observed.topics or _is_ours(observed.topics[topic.name], observed)
    ]
    namespace = resolved.kafka_namespace
    named = (build_kafka_topic(observed.model, topic, strimzi.name, namespace) for topic in wanted)
    return (*named, *_plan_former(observed, namespace, strimzi))


def _plan_former(observed: Observed, namespace: str, strimzi: StrimziCluster) -> Iterator[Manifest]:
    """Yield the topics that the model named before, where their mark is not what it says now.

    Else a shadow's topic, say, would go with the model by what was said while there was a shadow.
    """
    for topic in observed.former_topics:
        cluster = topic.metadata.labels.get(CLUSTER_LABEL)
        is_there = (topic.metadata.namespace, cluster) == (namespace, strimzi.name)
        if not (is_there and _is_ours(topic, observed)) or topic.metadata.deletion_timestamp is not None:
            continue
        if not is_marked_as_told(observed.model, topic):
            yield build_former_topic(observed.model, topic, strimzi.name)


def find_named_twice(resolved: Resolved) -> str | None:
    """Return the name that two of the three topics have, if any have.

    The API server sees to it, but for names that begin with the namespace, which no rule of its can know.
    """
    names = [topic.name for topic in resolved.topics]
    return next((name for name in names if names.count(name) > 1), None)


def _partitions(observed: Observed, wanted: ResolvedTopic) -> int:
    """Return how many partitions a topic was told to have so far, 0 where that is not known.

    Kafka takes none away.
    """
    topic = observed.topics.get(wanted.name)
    return (topic.spec.partitions or 0) if topic else 0


def remark_on_idle(observed: Observed, images: ResolvedTopic, replicas: int) -> str | None:
    """Say how many of the workers have no partition of the input topic to read, and what would help."""
    partitions = _partitions(observed, images)
    if not 0 < partitions < replicas:
        return None
    ours = _is_ours(observed.topics[images.name], observed)
    raised = "spec.kafka.topics.input.partitions" if ours else "that topic's partitions"
    has = "1 partition" if partitions == 1 else f"{partitions} partitions"
    stay = "1 stays" if replicas - partitions == 1 else f"{replicas - partitions} stay"
    return (
        f"{stay} idle, as KafkaTopic {images.name} has {has}; "
        f"lower spec.inference.replicas to {partitions}, or raise {raised} to {replicas}"
    )


def _is_ours(topic: KafkaTopic, observed: Observed) -> bool:
    """Return whether the operator made it for this model; any other topic is used as it is."""
    labels, model = topic.metadata.labels, observed.model
    found = (
        labels.get(MANAGED_BY_LABEL),
        labels.get(NAMESPACE_LABEL, model.namespace),
        labels.get(MODEL_LABEL),
    )
    return found == (OPERATOR, model.namespace, model.name)


def topic_trouble(observed: Observed, wanted: ResolvedTopic) -> str | None:
    """Return why a topic can't be used yet."""
    if (topic := observed.topics.get(wanted.name)) is None:
        return f"KafkaTopic {wanted.name} is being made"
    if _trusted_why(observed, topic) or (
        up_to_date(topic) and has_condition(topic.status.conditions, "Ready")
    ):
        return None
    failed = [each for each in topic.status.conditions if (each.type, each.status) == ("Ready", "False")]
    return f"KafkaTopic {wanted.name} is not ready{told_by(failed)}"


def _trusted_why(observed: Observed, topic: KafkaTopic) -> str | None:
    """Return why nobody says whether Kafka has the topic that workers go to, None where Strimzi does."""
    name, strimzi = topic.metadata.name, observed.model.spec.kafka.strimzi
    for kind in ("Unmanaged", "ReconciliationPaused"):
        if has_condition(topic.status.conditions, kind):
            return f"Strimzi is told to leave KafkaTopic {name} alone ({kind})"
    if _is_ours(topic, observed):
        return None
    cluster = topic.metadata.labels.get(CLUSTER_LABEL)
    if strimzi is not None and cluster not in (None, strimzi.name):
        return f"KafkaTopic {name} is a topic of Kafka {cluster}"
    if topic.spec.topic_name not in (None, name):
        return f"KafkaTopic {name} is Kafka's topic {topic.spec.topic_name}"
    return None


def remark(observed: Observed, wanted: ResolvedTopic) -> Iterator[str]:
    """Say in what a topic is not as the model has it; it is used all the same."""
    topic = observed.topics[wanted.name]
    if (why := _trusted_why(observed, topic)) is not None:
        yield f"{why}, and that there is a topic {wanted.name} is taken on trust"
        return
    if _is_ours(topic, observed):
        if (kept := _partitions(observed, wanted)) > wanted.partitions:
            yield (
                f"KafkaTopic {wanted.name} keeps its {kept} partitions, and not the spec's "
                f"{wanted.partitions}: Kafka takes none away"
            )
        return
    allowed = topic.spec.config.get("max.message.bytes")
    if wanted.max_message_bytes is not None and (allowed is None or int(allowed) < wanted.max_message_bytes):
        yield (
            f"KafkaTopic {wanted.name}, which is not this model's, has max.message.bytes "
            f"{allowed or 'of the brokers'}, and images of spec.kafka.maxImageBytes may need "
            f"{wanted.max_message_bytes}"
        )


def up_to_date(resource: KafkaTopic | KafkaUser) -> bool:
    """Whether Strimzi's operator has seen what it is now."""
    return resource.status.observed_generation >= resource.metadata.generation


def told_by(failed: list[Condition]) -> str:
    """Return the reason and message of Strimzi's operator, or what to look at where it said nothing."""
    if failed and failed[0].message:
        return f": {failed[0].reason}: {failed[0].message}"
    return " yet; if it stays so, see whether Strimzi's entity operator runs"
