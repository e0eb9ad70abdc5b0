"""A Kafka of Strimzi's in another namespace: topics are made there, and Secrets are the user's."""

from typing import Any

import msgspec
import pytest

from catdog_operator import strimzi_views as strimzi
from catdog_operator.manifests.network_policy import build_inference_policy
from catdog_operator.observed import Observed
from catdog_operator.plan import plan
from catdog_operator.references import references
from catdog_operator.resolve import resolve
from catdog_operator.status_fields import ModelStatus, Version
from catdog_operator.store import Key, Store
from tests.unit.operator.builders import (
    condition,
    some_deployment,
    some_kafka,
    some_model,
    some_observed,
    some_topic,
)

V1 = Version(version=1, hash="572360246d", accuracy=0.91, photos=940, trained_at="2026-03-01T11:00:00Z")
TOPICS = ("kafka.pets-images", "kafka.pets-predictions", "kafka.pets-dead-letters")
OURS = {
    "app.kubernetes.io/managed-by": "catdog-operator",
    "catdog.dev/model": "pets",
    "catdog.dev/namespace": "kafka",
}


def elsewhere(authentication: str = "tls", listener: str = "tls", **fields: Any) -> Observed:  # noqa: ANN401
    """Return a model of namespace `kafka` over a Kafka of namespace `brokers`."""
    kafka = {
        "strimzi": {"name": "my-cluster", "namespace": "brokers"},
        "authentication": {"type": authentication, "secretName": "pets-client"},
        "tls": {"trustedCertificates": [{"secretName": "brokers-ca", "pattern": "*.crt"}]},
    }
    way_in = strimzi.ListenerSpec("tls", tls=True, authentication=strimzi.ListenerAuthentication(listener))
    spec = strimzi.KafkaClusterSpec(strimzi.KafkaSettings((way_in,)))
    observed = {
        "kafka": msgspec.structs.replace(some_kafka(), spec=spec),
        "topics": {name: some_topic(name, labels=OURS) for name in TOPICS},
        "user": None,
    }
    return some_observed(some_model(status=ModelStatus(versions=(V1,)), kafka=kafka), **observed | fields)


def test_topics_are_made_there_and_are_known_by_the_models_namespace() -> None:
    made = [each["metadata"] for each in plan(elsewhere(topics={})).apply if each["kind"] == "KafkaTopic"]
    assert [(each["namespace"], each["name"]) for each in made] == [("brokers", name) for name in TOPICS]
    assert {each["labels"]["catdog.dev/namespace"] for each in made} == {"kafka"}


@pytest.mark.parametrize(
    ("topics", "twice"),
    [
        ({"output": {"name": "kafka.pets-images"}}, "kafka.pets-images"),
        ({"output": {"name": "pets-images"}}, None),  # which is not what the input is called here
    ],
)
def test_a_name_that_is_given_and_is_anothers_by_default_is_told(
    topics: dict[str, Any], twice: str | None
) -> None:
    observed = elsewhere()
    kafka = msgspec.to_builtins(observed.model.spec.kafka) | {"topics": topics}
    named = some_observed(
        some_model(status=observed.model.status, kafka=kafka),
        kafka=observed.kafka,
        topics={name: some_topic(name, labels=OURS) for name in (*TOPICS, "pets-images")},
        user=None,
    )
    told = (
        "False",
        "TopicNamedTwice",
        f"one topic cannot have two roles, and {twice} has; name another in spec.kafka.topics",
    )
    assert condition(named, "KafkaReady") == told if twice else condition(named, "KafkaReady")[0] == "True"
    made = [each["metadata"]["name"] for each in plan(named).apply if each["kind"] == "KafkaTopic"]
    assert len(made) == (0 if twice else 3)


def test_a_shadow_whose_topic_is_one_of_the_others_by_default_does_not_run() -> None:
    observed = elsewhere()
    kafka = msgspec.to_builtins(observed.model.spec.kafka)
    kafka |= {"topics": {"shadow": {"name": "kafka.pets-predictions"}}}
    model = some_model(status=observed.model.status, kafka=kafka, inference={"shadowVersion": 2})
    beside = some_observed(
        model, kafka=observed.kafka, topics=observed.topics, user=None, deployment=some_deployment(1)
    )
    assert condition(beside, "Shadow") == (
        "False",
        "TopicNamedTwice",
        (
            "the shadow's answers would lie among other records, in kafka.pets-predictions; "
            "name another topic in spec.kafka.topics.shadow"
        ),
    )
    assert condition(beside, "KafkaReady")[0] == "True"
    names = [each["metadata"]["name"] for each in plan(beside).apply]
    assert names.count("kafka.pets-predictions") == 1
    assert "pets-shadow" not in names
    running = msgspec.structs.replace(beside, shadow_deployment=some_deployment(2))
    assert plan(running).shadow.delete is not None


def test_no_user_is_made_and_none_awaited() -> None:
    observed = elsewhere()
    assert [each for each in plan(observed).apply if each["kind"] == "KafkaUser"] == []
    assert condition(observed, "KafkaReady")[0] == "True"


def test_workers_have_the_users_secrets() -> None:
    connection = plan(elsewhere()).connection
    assert connection is not None
    assert connection.cluster == "brokers/my-cluster"
    assert connection.secret_name == "pets-client"  # noqa: S105 - a name
    assert [each.secret_name for each in connection.trusted] == ["brokers-ca"]


@pytest.mark.parametrize("listener", ["tls", "custom"])
def test_a_certificate_does_for_a_listener_that_takes_it_or_says_not_what(listener: str) -> None:
    assert condition(elsewhere(listener=listener), "KafkaReady")[0] == "True"


def test_a_secret_of_another_kind_than_the_listeners_is_told() -> None:
    assert condition(elsewhere(listener="scram-sha-512"), "KafkaReady") == (
        "False",
        "AuthenticationDiffers",
        (
            "listener tls of Kafka my-cluster lets clients in by scram-sha-512; set "
            "spec.kafka.authentication.type to scram-sha-512, or name another in spec.kafka.strimzi.listener"
        ),
    )


def test_a_kafka_that_is_not_there_is_looked_for_in_its_namespace() -> None:
    assert "Kafka my-cluster is not in namespace brokers" in condition(elsewhere(kafka=None), "KafkaReady")[2]


def test_what_happens_there_is_of_interest() -> None:
    model = elsewhere().model
    found = {(each.kind, each.namespace) for each in references(model, resolve(model))}
    assert found == {("PersistentVolumeClaim", "kafka"), ("Kafka", "brokers"), ("KafkaTopic", "brokers")}


def test_a_topic_there_is_its_models_wherever_that_is() -> None:
    metadata = {"name": TOPICS[0], "namespace": "brokers", "uid": "1", "resourceVersion": "1", "labels": OURS}
    from catdog_operator.kinds import TOPIC

    assert Store().models_about(TOPIC, {"metadata": metadata}) == {Key("kafka", "pets")}


def test_workers_reach_the_brokers_there() -> None:
    policy = build_inference_policy(elsewhere().model, "my-cluster-kafka-bootstrap.brokers.svc:9093")
    [_, kafka] = policy["spec"]["egress"]
    [peer] = kafka["to"]
    assert peer["namespaceSelector"] == {"matchLabels": {"kubernetes.io/metadata.name": "brokers"}}


def test_a_namespace_that_is_not_watched_is_named_instead_of_a_kafka_that_may_well_be_there() -> None:
    unseen = elsewhere(kafka=None)
    surroundings = msgspec.structs.replace(unseen.surroundings, namespaces=("kafka",))
    _, reason, message = condition(msgspec.structs.replace(unseen, surroundings=surroundings), "KafkaReady")
    assert reason == "KafkaNotFound"
    assert message.startswith("the operator does not watch namespace brokers, ")
    assert "CATDOG_NAMESPACES" in message
    assert condition(unseen, "KafkaReady")[2].startswith("Kafka my-cluster is not in namespace brokers; ")
