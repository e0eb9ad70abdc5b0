"""A Kafka by a KafkaAccess: the Access Operator's Secret says all that the workers need."""

from typing import Any

import msgspec
import pytest

from catdog_operator import strimzi_views as strimzi
from catdog_operator.observed import Observed
from catdog_operator.plan import plan
from catdog_operator.references import references
from catdog_operator.resolve import resolve
from catdog_operator.resource import CatDogModel
from catdog_operator.status_fields import ModelStatus, Version
from catdog_operator.views import Condition, Metadata
from tests.unit.operator.builders import (
    condition,
    environment_of,
    some_kafka,
    some_model,
    some_observed,
    some_training_topic,
    status_of,
    wanted_names,
)

V1 = Version(version=1, hash="572360246d", accuracy=0.91, photos=940, trained_at="2026-03-01T11:00:00Z")
SERVERS = "my-cluster-kafka-bootstrap.brokers.svc:9093"
NOT_THERE = "Kafka my-cluster of KafkaAccess pets is not in namespace brokers, or has not told its addresses"


def some_access(binding: str = "pets-binding", listener: str | None = "tls") -> strimzi.KafkaAccess:
    """Return a KafkaAccess to a Kafka of namespace `brokers`, with the name of its Secret."""
    return strimzi.KafkaAccess(
        Metadata(name="pets", namespace="kafka"),
        strimzi.AccessSpec(strimzi.AccessedKafka("my-cluster", "brokers", listener)),
        strimzi.AccessStatus(strimzi.Binding(binding)),
    )


def over(
    access: strimzi.KafkaAccess | None = None,
    model: CatDogModel | None = None,
    **fields: Any,  # noqa: ANN401
) -> Observed:
    """Return a model over it, with a version."""
    plain = some_model(status=ModelStatus(versions=(V1,)), kafka={"access": {"name": "pets"}})
    found = {"access": access or some_access(), "kafka": some_kafka(tls=SERVERS), "topics": {}, "user": None}
    return some_observed(model or plain, **found | fields)


def test_nothing_is_made_in_it() -> None:
    assert [each["kind"] for each in plan(over()).apply if each["kind"].startswith("Kafka")] == []


def test_workers_read_the_binding_and_its_files_by_the_names_that_a_users_secret_has() -> None:
    wanted = plan(over()).serving.wanted
    assert wanted is not None
    environment = environment_of(wanted)
    assert environment["CATDOG_KAFKA_BINDING_DIR"] == "/etc/catdog/kafka-binding"
    assert "CATDOG_KAFKA_BOOTSTRAP_SERVERS" not in environment
    found = wanted["spec"]["template"]["spec"]["volumes"]
    secrets = {each["name"]: each["secret"] for each in found if "secret" in each}
    assert secrets["kafka-binding"] == {"secretName": "pets-binding"}
    assert secrets["kafka-ca"]["items"] == [{"key": "ssl.truststore.crt", "path": "ca.crt"}]
    assert {each["path"] for each in secrets["kafka-user"]["items"]} == {"user.crt", "user.key", "password"}


def test_what_is_taken_on_trust_is_told_and_the_secret_is_in_the_status() -> None:
    observed = over()
    assert condition(observed, "KafkaReady") == (
        "True",
        "TakenOnTrust",
        (
            "taken on trust: KafkaAccess pets, its topics pets-images, pets-predictions, pets-dead-letters, "
            "and the rights of Secret pets-binding; "
            "where workers cannot use them, Serving says why"
        ),
    )
    kafka = status_of(observed).kafka
    assert kafka is not None
    assert (kafka.secret_name, kafka.security_protocol) == ("pets-binding", None)


@pytest.mark.parametrize(
    ("fields", "reason", "message"),
    [
        (
            {"access_installed": False},
            "AccessOperatorNotInstalled",
            "the cluster has no access.strimzi.io/v1alpha1; install Strimzi's Access Operator",
        ),
        (
            {"access": some_access("")},
            "KafkaAccessNotReady",
            "KafkaAccess pets has no Secret yet; if it stays so, see whether Strimzi's Access Operator runs",
        ),
        ({"kafka": None}, "KafkaNotFound", NOT_THERE),
        ({"access": some_access(listener="other")}, "KafkaNotFound", NOT_THERE),
    ],
)
def test_what_is_missing_is_told(fields: dict[str, Any], reason: str, message: str) -> None:
    assert condition(over(**fields), "KafkaReady") == ("False", reason, message)


def test_an_access_that_is_not_there_is_named() -> None:
    observed = msgspec.structs.replace(over(), access=None)
    assert condition(observed, "KafkaReady")[1:] == (
        "KafkaAccessNotFound",
        "KafkaAccess pets is not in namespace kafka; create it or name another in spec.kafka.access.name",
    )


def test_what_its_operator_says_is_told() -> None:
    failed = Condition("Ready", "False", "Failed", "Kafka my-cluster not found")
    access = msgspec.structs.replace(some_access(), status=strimzi.AccessStatus(conditions=(failed,)))
    message = condition(over(access), "KafkaReady")[2]
    assert message == "KafkaAccess pets has no Secret yet: Kafka my-cluster not found"


def test_access_and_kafka_are_of_interest() -> None:
    model, access = over().model, some_access()
    found = {(each.kind, each.namespace, each.name) for each in references(model, resolve(model), access)}
    assert found >= {("KafkaAccess", "kafka", "pets"), ("Kafka", "brokers", "my-cluster")}


@pytest.mark.parametrize(("listener", "addresses"), [("tls", 1), (None, 2)])
def test_workers_reach_the_listener_that_is_named_or_all_where_none_is(
    listener: str | None, addresses: int
) -> None:
    kafka = some_kafka(tls=SERVERS, scram="my-cluster-kafka-bootstrap.brokers.svc:9095")
    connection = plan(over(some_access(listener=listener), kafka=kafka)).connection
    assert connection is not None
    assert len(connection.bootstrap_servers.split(",")) == addresses


def test_a_trainer_that_reads_a_topic_is_not_cut_off_while_kafka_does_not_tell_its_addresses() -> None:
    model = some_model(some_training_topic(), kafka={"access": {"name": "pets"}})
    reached, cut_off = over(model=model), over(model=model, kafka=some_kafka(other=SERVERS))
    assert "NetworkPolicy/pets-training" in wanted_names(plan(reached))
    assert "NetworkPolicy/pets-training" not in wanted_names(plan(cut_off)), "it stays as it is"
    assert not [each for each in wanted_names(plan(cut_off)) if each.startswith("Job/")]


def test_a_kafka_in_a_namespace_that_is_not_watched_is_not_told_to_be_missing() -> None:
    unseen = over(kafka=None)
    surroundings = msgspec.structs.replace(unseen.surroundings, namespaces=("kafka",))
    status, reason, message = condition(
        msgspec.structs.replace(unseen, surroundings=surroundings), "KafkaReady"
    )
    assert (status, reason) == ("False", "KafkaNotFound")
    assert message == (
        "the operator does not watch namespace brokers, where Kafka my-cluster of KafkaAccess pets is said "
        "to be; add it to the operator's CATDOG_NAMESPACES, or set spec.kafka.bootstrapServers"
    )
