"""The rule on what a model leaves behind: topics go where it said so, and nobody else names them."""

from collections.abc import Iterable

from catdog_operator.manifests.common import MANAGED_BY_LABEL, OPERATOR
from catdog_operator.resolve import resolve
from catdog_operator.resource import CatDogModel
from catdog_operator.strimzi_views import KafkaTopic
from catdog_operator.views import MODEL_LABEL, WHEN_DELETED_ANNOTATION


def find_leftovers(orphans: Iterable[KafkaTopic], models: Iterable[CatDogModel]) -> tuple[KafkaTopic, ...]:
    """Return those topics of models that are gone that are to go too; `models` are all that there are."""
    named = {
        (resolved.kafka_namespace, topic.name)
        for resolved in map(resolve, models)
        for topic in resolved.all_topics
    }
    return tuple(
        topic
        for topic in orphans
        if _was_made_for_a_model(topic)
        and topic.metadata.annotations.get(WHEN_DELETED_ANNOTATION) == "Delete"
        and topic.metadata.deletion_timestamp is None
        and (topic.metadata.namespace, topic.metadata.name) not in named
    )


def _was_made_for_a_model(topic: KafkaTopic) -> bool:
    """Return whether it still is the operator's: who takes its labels off wants to keep it."""
    labels = topic.metadata.labels
    return labels.get(MANAGED_BY_LABEL) == OPERATOR and MODEL_LABEL in labels
