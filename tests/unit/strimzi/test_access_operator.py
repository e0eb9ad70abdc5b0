import base64
from typing import Any

import pytest

from tests.cluster.strimzi.access_operator import (
    AccessError,
    User,
    bootstrap_servers,
    build_secret,
    choose_listener,
    concerns,
    connection_data,
    failed_status,
)
from tests.cluster.strimzi.kube import Manifest
from tests.cluster.strimzi.spec import Authentication, Listener

TLS, SCRAM = Authentication("tls"), Authentication("scram-sha-512")
OUTSIDE = Listener("a", 9094, "nodeport", tls=True, authentication=TLS)
INSIDE = Listener("tls", 9093, "internal", tls=True, authentication=TLS)
ALSO_INSIDE = Listener("tls2", 9095, "internal", tls=True, authentication=TLS)
PASSWORDS = Listener("scram", 9096, "internal", tls=True, authentication=SCRAM)
OPEN = Listener("plain", 9092, "internal", tls=False)
EVERY = (OUTSIDE, ALSO_INSIDE, INSIDE, PASSWORDS, OPEN)
SERVERS = "my-cluster-kafka-bootstrap.kafka.svc:9093"
PERSON = User("tls", "CN=pets", {"ca.crt": b"clients", "user.crt": b"certificate", "user.key": b"key"})
SINGER = User("scram-sha-512", "pets", {"password": b"la", "sasl.jaas.config": b"who;"})


def access(**spec: object) -> Manifest:
    """Return a KafkaAccess of namespace `photos` to a Kafka of namespace `kafka`."""
    metadata = {"name": "pets", "namespace": "photos", "uid": "7", "generation": 3}
    return {"metadata": metadata, "spec": {"kafka": {"name": "my-cluster", "namespace": "kafka"}, **spec}}


@pytest.mark.parametrize(("user", "listener"), [("tls", INSIDE), ("scram-sha-512", PASSWORDS), (None, OPEN)])
def test_where_none_is_named_the_first_internal_listener_that_lets_the_user_in_is_taken(
    user: str | None, listener: Listener
) -> None:
    assert choose_listener(EVERY, None, user) == listener


def test_a_listener_outside_is_taken_where_there_is_no_other() -> None:
    assert choose_listener((OUTSIDE, PASSWORDS), None, "tls") == OUTSIDE


def test_the_listener_that_is_named_is_taken() -> None:
    assert choose_listener(EVERY, "a", "tls") == OUTSIDE


@pytest.mark.parametrize(
    ("listeners", "named", "user", "message"),
    [
        (EVERY, "other", "tls", "The specified listener other is missing from the Kafka resource."),
        (EVERY, "scram", "tls", "Provided listener scram and Kafka User do not have compatible auth"),
        (EVERY, "plain", "tls", "Provided listener plain and Kafka User do not have compatible auth"),
        ((INSIDE, OPEN), None, "scram-sha-512", "No listeners present in Kafka cluster that match auth"),
    ],
)
def test_a_listener_that_does_not_let_the_user_in_is_refused(
    listeners: tuple[Listener, ...], named: str | None, user: str, message: str
) -> None:
    with pytest.raises(AccessError, match=message):
        choose_listener(listeners, named, user)


def test_the_address_is_the_one_in_the_status_of_the_kafka() -> None:
    kafka = {"status": {"listeners": [{"name": "tls", "bootstrapServers": SERVERS}]}}
    assert bootstrap_servers(kafka, INSIDE) == SERVERS
    with pytest.raises(AccessError, match="address for the listener scram is missing"):
        bootstrap_servers(kafka, PASSWORDS)


def test_a_certificate_is_handed_on_and_not_the_authority_that_signed_it() -> None:
    assert connection_data(INSIDE, SERVERS, b"brokers", PERSON) == {
        "type": b"kafka",
        "provider": b"strimzi",
        "bootstrap.servers": SERVERS.encode(),
        "bootstrapServers": SERVERS.encode(),
        "bootstrap-servers": SERVERS.encode(),
        "security.protocol": b"SSL",
        "securityProtocol": b"SSL",
        "ssl.truststore.crt": b"brokers",
        "ssl.keystore.crt": b"certificate",
        "ssl.keystore.key": b"key",
    }


def test_a_password_is_handed_on_with_its_name_and_mechanism() -> None:
    data = connection_data(PASSWORDS, SERVERS, b"brokers", SINGER)
    assert data["securityProtocol"] == b"SASL_SSL"
    assert {key: data[key] for key in ("username", "password", "sasl.jaas.config", "saslMechanism")} == {
        "username": b"pets",
        "password": b"la",
        "sasl.jaas.config": b"who;",
        "saslMechanism": b"SCRAM-SHA-512",
    }


def test_without_tls_nobody_is_trusted() -> None:
    data = connection_data(OPEN, SERVERS, None, None)
    assert data["security.protocol"] == b"PLAINTEXT"
    assert "ssl.truststore.crt" not in data


def test_the_secret_goes_with_its_access_and_has_its_template() -> None:
    template = {"secret": {"metadata": {"labels": {"team": "photos"}}}}
    secret = build_secret(access(template=template), "pets", {"type": b"kafka"})
    assert secret["type"] == "servicebinding.io/kafka"
    assert secret["metadata"]["namespace"] == "photos"
    labels = {"team": "photos", "app.kubernetes.io/managed-by": "kafka-access-operator"}
    assert secret["metadata"]["labels"] == labels
    assert [each["uid"] for each in secret["metadata"]["ownerReferences"]] == ["7"]
    assert base64.b64decode(secret["data"]["type"]) == b"kafka"


def test_what_fails_later_leaves_the_binding_named() -> None:
    failing = access() | {"status": {"binding": {"name": "pets"}}}
    status = failed_status(
        failing, AccessError("Kafka kafka/my-cluster missing", "MissingKubernetesResource")
    )
    assert (status["binding"], status["observedGeneration"]) == ({"name": "pets"}, 3)
    [condition] = status["conditions"]
    told = (condition["status"], condition["reason"], condition["message"])
    assert told == ("False", "MissingKubernetesResource", "Kafka kafka/my-cluster missing")


def a(kind: str, namespace: str, name: str, **metadata: Any) -> Manifest:  # noqa: ANN401
    """Return an object that changed."""
    return {"kind": kind, "metadata": {"namespace": namespace, "name": name, **metadata}}


def managed(by: str) -> dict[str, str]:
    """Return the labels of a Secret of Strimzi's."""
    return {"app.kubernetes.io/managed-by": by}


AUTHORITY = managed("strimzi-cluster-operator") | {"app.kubernetes.io/instance": "my-cluster"}
USERS = managed("strimzi-user-operator") | {"strimzi.io/cluster": "my-cluster"}
MADE: dict[str, Any] = {"labels": managed("kafka-access-operator"), "ownerReferences": [{"uid": "7"}]}


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        (a("Kafka", "kafka", "my-cluster"), True),
        (a("Kafka", "photos", "my-cluster"), False),
        (a("KafkaUser", "kafka", "photos-pets"), True),
        (a("KafkaUser", "kafka", "other"), False),
        (a("Secret", "kafka", "my-cluster-cluster-ca-cert", labels=AUTHORITY), True),
        (a("Secret", "kafka", "photos-pets", labels=USERS), True),
        (a("Secret", "photos", "photos-pets", labels=USERS), False),
        (a("Secret", "photos", "pets", **MADE), True),
        (a("Secret", "photos", "pets", **MADE | {"ownerReferences": []}), False),
        (a("Secret", "kafka", "my-cluster"), False),
    ],
)
def test_it_is_looked_at_again_for_what_it_was_made_of(resource: Manifest, *, expected: bool) -> None:
    reference = {
        "kind": "KafkaUser",
        "apiGroup": "kafka.strimzi.io",
        "name": "photos-pets",
        "namespace": "kafka",
    }
    assert concerns(access(user=reference), resource) is expected
