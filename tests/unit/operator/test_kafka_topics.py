"""The topics of a model in a Kafka of Strimzi's: what they are made like, and in what others may differ."""

from typing import Any

import msgspec
import pytest

from catdog_operator.observed import Observed
from catdog_operator.plan import plan
from catdog_operator.strimzi_views import KafkaTopic, TopicSpec
from catdog_operator.views import Condition
from tests.unit.operator.builders import TOPICS, condition, some_model, some_observed, some_topic

WELL = "Kafka my-cluster is there, and its topics and user for this model are ready"
THEIRS = {"catdog.dev/model": "others"}


def observed_with(input_topic: dict[str, Any], *, ours: bool = True, **spec: object) -> Observed:
    """Return a model whose input topic is there with this spec, and the others as they should be."""
    kafka = {"strimzi": {"name": "my-cluster"}, "topics": {"input": spec}}
    topics = {name: some_topic(name) for name in TOPICS}
    found = some_topic("pets-images", labels=None if ours else THEIRS)
    topics["pets-images"] = msgspec.structs.replace(found, spec=TopicSpec(**input_topic))
    return some_observed(some_model(kafka=kafka), topics=topics)


def wanted(observed: Observed) -> dict[str, Any]:
    """Return the specs of the topics that are applied, by name."""
    applied = [each for each in plan(observed).apply if each["kind"] == "KafkaTopic"]
    return {each["metadata"]["name"]: each["spec"] for each in applied}


def test_partitions_grow_with_the_spec() -> None:
    observed = observed_with({"partitions": 3}, partitions=6)
    assert wanted(observed)["pets-images"]["partitions"] == 6
    assert condition(observed, "KafkaReady") == ("True", "KafkaReady", WELL)


def test_partitions_never_shrink_and_the_condition_says_so() -> None:
    observed = observed_with({"partitions": 6}, partitions=3)
    assert wanted(observed)["pets-images"]["partitions"] == 6
    assert condition(observed, "KafkaReady") == (
        "True",
        "TopicsDiffer",
        f"{WELL}; KafkaTopic pets-images keeps its 6 partitions, and not the spec's 3: Kafka takes none away",
    )


@pytest.mark.parametrize(("replicas", "in_sync"), [(1, 1), (2, 1), (3, 2), (5, 4)])
def test_one_replica_may_be_away_while_records_are_taken(replicas: int, in_sync: int) -> None:
    found = wanted(observed_with({}, replicas=replicas))
    assert found["pets-images"]["config"]["min.insync.replicas"] == in_sync


def test_without_replicas_the_brokers_have_their_way() -> None:
    assert "min.insync.replicas" not in wanted(observed_with({}))["pets-images"]["config"]


def test_a_topic_of_another_model_is_left_as_it_is() -> None:
    observed = observed_with({"partitions": 1, "config": {"max.message.bytes": 10551296}}, ours=False)
    assert wanted(observed).keys() == {"pets-predictions", "pets-dead-letters"}
    assert condition(observed, "KafkaReady")[1] == "KafkaReady"


@pytest.mark.parametrize(("allowed", "told"), [(1000, "1000"), ("1000", "1000"), (None, "of the brokers")])
def test_a_topic_of_another_that_is_too_narrow_for_images_is_told(allowed: object, told: str) -> None:
    config = {} if allowed is None else {"max.message.bytes": allowed}
    assert condition(observed_with({"config": config}, ours=False), "KafkaReady") == (
        "True",
        "TopicsDiffer",
        (
            f"{WELL}; KafkaTopic pets-images, which is not this model's, has max.message.bytes {told}, "
            "and images of spec.kafka.maxImageBytes may need 10551296"
        ),
    )


@pytest.mark.parametrize("kind", ["Unmanaged", "ReconciliationPaused"])
@pytest.mark.parametrize("ours", [True, False])
def test_a_topic_that_strimzi_is_told_to_leave_alone_is_taken_on_trust(kind: str, *, ours: bool) -> None:
    left_alone = some_topic("pets-images", Condition(kind, "True"), labels=None if ours else THEIRS)
    left_alone = msgspec.structs.replace(left_alone, spec=TopicSpec(config={"max.message.bytes": "10 MB"}))
    why = f"Strimzi is told to leave KafkaTopic pets-images alone ({kind})"
    assert condition(beside_others(left_alone), "KafkaReady") == ("True", "TopicsDiffer", trusted(why))


def test_a_topic_under_another_name_in_kafka_is_not_taken_for_the_one_that_workers_go_to() -> None:
    observed = observed_with({"topic_name": "Images"}, ours=False)
    why = "KafkaTopic pets-images is Kafka's topic Images"
    assert condition(observed, "KafkaReady") == ("True", "TopicsDiffer", trusted(why))


@pytest.mark.parametrize("status", ["True", "False"])
def test_a_topic_of_another_kafka_is_not_taken_for_this_ones(status: str) -> None:
    theirs = some_topic("pets-images", Condition("Ready", status), labels={"strimzi.io/cluster": "another"})
    why = "KafkaTopic pets-images is a topic of Kafka another"
    assert condition(beside_others(theirs), "KafkaReady") == ("True", "TopicsDiffer", trusted(why))
    assert "pets-images" not in wanted(beside_others(theirs))


def test_a_topic_that_the_operator_made_moves_to_another_kafka_with_its_model() -> None:
    labels = some_topic("pets-images").metadata.labels | {"strimzi.io/cluster": "former"}
    observed = beside_others(some_topic("pets-images", labels=labels))
    assert "pets-images" in wanted(observed)
    assert condition(observed, "KafkaReady")[1] == "KafkaReady"


def beside_others(topic: KafkaTopic) -> Observed:
    """Return a model whose input topic is this one."""
    return some_observed(topics=some_observed().topics | {topic.metadata.name: topic})


def trusted(why: str) -> str:
    return f"{WELL}; {why}, and that there is a topic pets-images is taken on trust"
