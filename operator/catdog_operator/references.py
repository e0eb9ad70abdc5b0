"""Which objects a model depends on without their knowing of it: a change of one concerns the model."""

from catdog_operator.kinds import ACCESS, CLAIM, KAFKA, TOPIC
from catdog_operator.resolve import Resolved
from catdog_operator.resource import CatDogModel
from catdog_operator.store import Reference
from catdog_operator.strimzi_views import KafkaAccess


def references(
    model: CatDogModel, resolved: Resolved, access: KafkaAccess | None = None
) -> frozenset[Reference]:
    """Return the objects that a model names and that may carry no label of it."""
    dataset, strimzi = model.spec.training.dataset.persistent_volume_claim, model.spec.kafka.strimzi
    claims = [resolved.claim_name, *([dataset.claim_name] if dataset else [])]
    found = [Reference(CLAIM.name, model.namespace, name) for name in claims]
    if model.spec.kafka.access:
        found.append(Reference(ACCESS.name, model.namespace, model.spec.kafka.access.name))
    if access:
        found.append(Reference(KAFKA.name, access.kafka_namespace, access.spec.kafka.name))
    if strimzi:
        names = [(KAFKA, strimzi.name), *((TOPIC, topic.name) for topic in resolved.all_topics)]
        found += [Reference(kind.name, resolved.kafka_namespace, name) for kind, name in names]
    return frozenset(found)
