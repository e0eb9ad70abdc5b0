"""The rule on what a model leaves behind: topics go where it said so, and nobody else names them."""

from collections.abc import Iterable

from catdog_operator.resolve import resolve
from catdog_operator.resource import CatDogModel
from catdog_operator.strimzi_views import KafkaTopic
from catdog_operator.views import WHEN_DELETED_ANNOTATION


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
        if topic.metadata.annotations.get(WHEN_DELETED_ANNOTATION) == "Delete"
        and topic.metadata.deletion_timestamp is None
        and (topic.metadata.namespace, topic.metadata.name) not in named
    )
