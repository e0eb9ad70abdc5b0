"""The rule on what a model leaves behind: topics go where it said so, and nobody else names them."""

from collections.abc import Iterable

from catdog_operator.resolve import resolve
from catdog_operator.resource import CatDogModel
from catdog_operator.strimzi_views import KafkaTopic
from catdog_operator.views import MODEL_LABEL, WHEN_DELETED_ANNOTATION


def find_leftovers(topics: Iterable[KafkaTopic], models: Iterable[CatDogModel]) -> tuple[KafkaTopic, ...]:
    """Return those of a namespace's topics that are to be deleted, where `models` are all that it has."""
    marked = [each for each in topics if _is_marked(each) and each.metadata.deletion_timestamp is None]
    if not marked:
        return ()
    there = {model.name: {topic.name for topic in resolve(model).topics} for model in models}
    named = {name for names in there.values() for name in names}
    return tuple(
        topic
        for topic in marked
        if topic.metadata.labels.get(MODEL_LABEL) not in there and topic.metadata.name not in named
    )


def _is_marked(topic: KafkaTopic) -> bool:
    return topic.metadata.annotations.get(WHEN_DELETED_ANNOTATION) == "Delete"
