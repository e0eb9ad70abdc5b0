"""A Kafka that the user names by its addresses: nothing is made there, and what is said of it counts."""

from typing import Any

import pytest

from catdog_operator.manifests.network_policy import build_inference_policy
from catdog_operator.observed import Observed
from catdog_operator.plan import plan
from catdog_operator.plan.kafka import MECHANISMS
from catdog_operator.references import references
from catdog_operator.resolve import resolve
from catdog_operator.status_fields import KafkaStatus, ModelStatus, Version
from tests.unit.operator.builders import (
    condition,
    environment_of,
    some_deployment,
    some_model,
    some_observed,
    some_worker,
    status_of,
    wanted_names,
)

V1 = Version(version=1, hash="572360246d", accuracy=0.91, photos=940, trained_at="2026-03-01T11:00:00Z")
WHOLE = {"secretName": "brokers-ca", "pattern": "*.crt"}
SERVERS = "broker-0.example:9093,broker-1.example:9093"


def given(
    *trusted: dict[str, str],
    login: dict[str, str] | None = None,
    tls: bool = True,
    status: ModelStatus | None = None,
    **fields: Any,  # noqa: ANN401
) -> Observed:
    """Return a model over a Kafka that the operator knows by its addresses, in a cluster without Strimzi."""
    kafka = {
        "bootstrapServers": SERVERS,
        "authentication": login or {"type": "tls", "secretName": "pets-client"},
    }
    if tls:
        kafka["tls"] = {"trustedCertificates": list(trusted) or [WHOLE]}
    model = some_model(status=status or ModelStatus(versions=(V1,)), kafka=kafka)
    return some_observed(model, strimzi_installed=False, kafka=None, topics={}, user=None, **fields)


def test_nothing_is_made_in_it() -> None:
    names = wanted_names(plan(given()))
    assert "Deployment/pets-inference" in names
    assert [name for name in names if name.startswith("Kafka")] == []


def test_nothing_of_strimzis_is_looked_for() -> None:
    model = given().model
    assert {each.kind for each in references(model, resolve(model))} == {"PersistentVolumeClaim"}


def test_the_condition_says_what_is_taken_on_trust() -> None:
    message = (
        "taken on trust: broker-0.example:9093,broker-1.example:9093, its topics pets-images, "
        "pets-predictions, pets-dead-letters, and the rights of pets-client; "
        "where workers cannot use them, Serving says why"
    )
    assert condition(given(), "KafkaReady") == ("True", "TakenOnTrust", message)


def test_the_status_has_its_addresses_and_the_secret() -> None:
    kafka = status_of(given()).kafka
    assert kafka is not None
    assert (kafka.bootstrap_servers, kafka.secret_name) == (SERVERS, "pets-client")


def test_the_workers_are_told_its_addresses_which_also_name_it() -> None:
    environment = environment_of(deployment(given()))
    assert environment["CATDOG_KAFKA_BOOTSTRAP_SERVERS"] == SERVERS
    assert environment["CATDOG_KAFKA_CLUSTER"] == SERVERS


def test_the_workers_show_the_certificate_of_the_secret_that_is_named() -> None:
    assert volume(given(), "kafka-user") == {"secret": {"secretName": "pets-client"}}


@pytest.mark.parametrize(("login", "mechanism"), MECHANISMS.items())
def test_the_workers_log_in_by_the_password_of_the_secret_that_is_named(login: str, mechanism: str) -> None:
    observed = given(login={"type": login, "secretName": "pets-client"})
    environment = environment_of(deployment(observed))
    assert environment["CATDOG_KAFKA_SASL_MECHANISM"] == mechanism
    assert environment["CATDOG_KAFKA_USERNAME"] == "pets-client", "as Strimzi's users are named"
    assert volume(observed, "kafka-user") == {"secret": {"secretName": "pets-client"}}


def test_the_user_may_have_another_name_than_its_secret() -> None:
    login = {"type": "plain", "secretName": "pets-client", "username": "pets"}
    assert environment_of(deployment(given(login=login)))["CATDOG_KAFKA_USERNAME"] == "pets"


def test_where_anyone_may_come_the_workers_show_nothing() -> None:
    observed = given(login={"type": "none"})
    assert volume_names(observed) == {"models", "kafka-ca", "tmp"}
    assert "CATDOG_KAFKA_USER_DIR" not in environment_of(deployment(observed))
    assert "and the rights of anyone;" in condition(observed, "KafkaReady")[2]
    kafka = status_of(observed).kafka
    assert kafka is not None
    assert kafka.secret_name is None


def test_without_tls_the_workers_trust_nobody() -> None:
    observed = given(login={"type": "none"}, tls=False)
    assert volume_names(observed) == {"models", "tmp"}
    assert "CATDOG_KAFKA_CA_DIR" not in environment_of(deployment(observed))


@pytest.mark.parametrize("servers", ["kafka.example:9093", "my-cluster-kafka-bootstrap.kafka.svc:9093"])
def test_the_workers_may_reach_its_ports_wherever_its_brokers_are(servers: str) -> None:
    policy = build_inference_policy(given().model, servers)
    [_dns, kafka] = policy["spec"]["egress"]
    assert kafka == {"ports": [{"protocol": "TCP", "port": 9093}]}


@pytest.mark.parametrize(
    ("trusted", "expected"),
    [
        ([WHOLE], {"secret": {"secretName": "brokers-ca"}}),
        (
            [WHOLE, {"secretName": "old", "certificate": "ca.pem"}],
            {
                "projected": {
                    "sources": [
                        {"secret": {"name": "brokers-ca"}},
                        {"secret": {"name": "old", "items": [{"key": "ca.pem", "path": "trusted-2.crt"}]}},
                    ]
                }
            },
        ),
        (
            [{"secretName": "old", "certificate": "ca.pem"}],
            {
                "projected": {
                    "sources": [
                        {"secret": {"name": "old", "items": [{"key": "ca.pem", "path": "trusted-1.crt"}]}}
                    ]
                }
            },
        ),
    ],
)
def test_each_certificate_to_trust_is_a_file_that_the_workers_find(
    trusted: list[dict[str, str]], expected: dict[str, Any]
) -> None:
    assert volume(given(*trusted), "kafka-ca") == expected


def test_what_serves_over_it_is_left_as_it_is_when_a_strimzi_cluster_is_named_that_is_not_there() -> None:
    told = KafkaStatus("g", "", "", "", bootstrap_servers=SERVERS, secret_name="pets-client")  # noqa: S106 - a name
    model = some_model(status=ModelStatus(versions=(V1,), kafka=told))
    observed = some_observed(
        model, kafka=None, deployment=some_deployment(1), inference_pods=(some_worker(1),)
    )
    assert plan(observed).serving.wanted is None


def deployment(observed: Observed) -> dict[str, Any]:
    wanted = plan(observed).serving.wanted
    assert wanted is not None
    return wanted


def volume_names(observed: Observed) -> set[str]:
    """Return the names of the volumes of the workers."""
    return {each["name"] for each in deployment(observed)["spec"]["template"]["spec"]["volumes"]}


def volume(observed: Observed, name: str) -> dict[str, Any]:
    """Return the source of a volume of the workers."""
    volumes = deployment(observed)["spec"]["template"]["spec"]["volumes"]
    [found] = [each for each in volumes if each["name"] == name]
    return {key: value for key, value in found.items() if key != "name"}
