"""Every way in that a broker can ask for, each with workers of its own that answer the same picture."""

import asyncio
import base64
import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from confluent_kafka.admin import ScramMechanism

from tests.cluster.instance import Instance
from tests.cluster.strimzi.admins import Admins
from tests.cluster.strimzi.kube import connect, read_kubeconfig
from tests.cluster.strimzi.objects import secret_data
from tests.cluster.strimzi.pki import issue, new_authority, subject
from tests.cluster.strimzi.waiting import await_ready
from tests.cluster.waiting import PATIENCE_SECONDS
from tests.e2e.claims import claim_with_versions, served_from
from tests.e2e.kafka_clients import consuming, producing
from tests.e2e.kafka_clusters import EXTERNAL, MUTUAL_TLS, external_address, make_kafka
from tests.e2e.models import NAMESPACE, Model, condition
from tests.e2e.strimzi import eventually
from tests.tiny_version import picture

KAFKA = "logins"
PERSON, CERTIFIED = "logins-person", "logins-certified"  # KafkaUsers
TOPICS = {name: {"name": f"logins-{name.lower()}"} for name in ("input", "output", "deadLetters")}
JAAS = "org.apache.kafka.common.security"
LISTENERS = (
    EXTERNAL,
    MUTUAL_TLS,
    MUTUAL_TLS | {"name": "scram", "port": 9095, "authentication": {"type": "scram-sha-512"}},
    {"name": "tlsonly", "port": 9096, "type": "internal", "tls": True},
    {"name": "open", "port": 9097, "type": "internal", "tls": False},
    MUTUAL_TLS
    | {
        "name": "custom",
        "port": 9098,
        "authentication": {
            "type": "custom",
            "sasl": True,
            "listenerConfig": {
                "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256",
                "plain.sasl.jaas.config": (
                    f'{JAAS}.plain.PlainLoginModule required user_pets-plain="a password";'
                ),
                "scram-sha-256.sasl.jaas.config": f"{JAAS}.scram.ScramLoginModule required;",
            },
        },
    },
)
TRUST = {"trustedCertificates": [{"secretName": f"{KAFKA}-cluster-ca-cert", "pattern": "*.crt"}]}
BOOTSTRAP = f"{KAFKA}-kafka-bootstrap.{NAMESPACE}.svc"


def given(port: int, *, tls: bool = True, **authentication: str) -> dict[str, Any]:
    """Return the part of a spec that names the Kafka by its address."""
    kafka = {"bootstrapServers": f"{BOOTSTRAP}:{port}", "authentication": authentication}
    return kafka | ({"tls": TRUST} if tls else {})


WAYS: dict[str, dict[str, Any]] = {
    "strimzi-scram": {"strimzi": {"name": KAFKA, "listener": "scram"}},
    "strimzi-tls-only": {"strimzi": {"name": KAFKA, "listener": "tlsonly"}},
    "strimzi-open": {"strimzi": {"name": KAFKA, "listener": "open"}},
    "scram-sha-512": given(9095, type="scram-sha-512", secretName=PERSON),
    "scram-sha-256": given(9098, type="scram-sha-256", secretName="pets-scram"),
    "plain": given(9098, type="plain", secretName="pets-scram", username="pets-plain"),
    "tls-only": given(9096, type="none"),
    "open": given(9097, tls=False, type="none"),
}
# By the name of a model and its Secret: how it would be let in with the right one, and what is said of it.
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "wrong-certificate": (
        given(9093, type="tls", secretName="wrong-certificate"),
        f"{BOOTSTRAP}:9093 does not accept our certificate",
    ),
    "wrong-password": (
        given(9098, type="scram-sha-256", secretName="wrong-password", username="pets-scram"),
        f"{BOOTSTRAP}:9098 refuses us: [Error 58] SaslAuthenticationFailed: Authentication failed",
    ),
    "wrong-trust": (
        given(9096, type="none")
        | {"tls": {"trustedCertificates": [{"secretName": "wrong-trust", "certificate": "ca.crt"}]}},
        f"{BOOTSTRAP}:9096 is not trusted: self-signed certificate in certificate chain",
    ),
}


@pytest.fixture(scope="module")
def models(cluster: Instance) -> Iterator[dict[str, Model]]:
    """Give a model for each way in, of which a version is on the claim they share."""
    super_users = ("ANONYMOUS", "pets-scram", "pets-plain", PERSON, f"CN={CERTIFIED}")
    make_kafka(cluster, KAFKA, *LISTENERS, super_users=super_users)
    claim_with_versions(cluster, KAFKA, *WAYS, *WRONG)
    apply(cluster, "v1", "Secret", "pets-scram", stringData={"password": "a password"})
    strimzi = "kafka.strimzi.io/v1"
    for topic in TOPICS.values():
        apply(cluster, strimzi, "KafkaTopic", topic["name"], spec={"partitions": 2, "replicas": 1})
    for user, kind in ((PERSON, "scram-sha-512"), (CERTIFIED, "tls")):
        apply(cluster, strimzi, "KafkaUser", user, spec={"authentication": {"type": kind}})
    models = {name: Model(cluster, name) for name in WAYS}
    for name, way in WAYS.items():
        models[name].apply(served_from(KAFKA, way | {"topics": TOPICS}))
    asyncio.run(let_in_by_scram_sha_256(cluster, "pets-scram", b"a password"))
    yield models
    for model in models.values():
        model.delete()
    for kind in ("kafkatopic", "kafkauser", "kafka", "kafkanodepool", "secret"):
        cluster.kubectl("delete", kind, "-n", NAMESPACE, "-l", f"catdog.dev/test={KAFKA}")


@pytest.mark.parametrize("name", WAYS)
def test_workers_are_let_in(models: dict[str, Model], name: str) -> None:
    status = models[name].await_ready(version=1)
    assert status["kafka"]["bootstrapServers"].startswith(BOOTSTRAP)


async def test_each_answers_the_same_picture(cluster: Instance, models: dict[str, Model]) -> None:
    for model in models.values():
        await asyncio.to_thread(model.await_ready)
    servers = await asyncio.to_thread(external_address, cluster, KAFKA)
    async with asyncio.timeout(PATIENCE_SECONDS):
        async with producing(bootstrap_servers=servers) as producer:
            await producer.send_and_wait(TOPICS["input"]["name"], picture("red"), key=b"red-1")
        answered = set[str]()
        async with consuming(
            TOPICS["output"]["name"], bootstrap_servers=servers, auto_offset_reset="earliest"
        ) as consumer:
            while answered != WAYS.keys():
                answer = json.loads((await consumer.getone()).value)
                assert (answer["id"], answer["label"]) == ("red-1", "cat")
                answered.add(answer["model"]["name"])


@pytest.fixture(scope="module")
def strangers(cluster: Instance, models: dict[str, Model]) -> Iterator[dict[str, Model]]:
    """Give models whose Secrets are there, but not what they should be."""
    assert models
    put_wrong_secrets(cluster)
    strangers = {name: Model(cluster, name) for name in WRONG}
    for name, (way, _) in WRONG.items():
        strangers[name].apply(served_from(KAFKA, way | {"topics": TOPICS}))
    yield strangers
    for model in strangers.values():
        model.delete()


@pytest.mark.parametrize("name", WRONG)
def test_who_is_not_let_in_is_told_why(strangers: dict[str, Model], name: str) -> None:
    strangers[name].await_status(partial(is_told, WRONG[name][1]), "told why")


def test_and_is_no_reason_to_restart_and_heals_when_it_is_put_right(
    cluster: Instance, strangers: dict[str, Model]
) -> None:
    put_right_secrets(cluster)
    for model in strangers.values():
        model.await_ready(version=1)
        assert list(model.restarts().values()) == [0]


@pytest.mark.soak
async def test_a_certificate_that_goes_bad_is_told_while_open_connections_go_on(
    cluster: Instance, strangers: dict[str, Model]
) -> None:
    name = "wrong-certificate"
    model, servers = strangers[name], await asyncio.to_thread(external_address, cluster, KAFKA)
    await asyncio.to_thread(put_right_secrets, cluster)
    await asyncio.to_thread(model.await_ready)
    await asyncio.to_thread(put_wrong_secrets, cluster)
    await asyncio.to_thread(model.await_status, partial(is_told, WRONG[name][1]), "told why")
    async with producing(bootstrap_servers=servers) as producer:
        await producer.send_and_wait(TOPICS["input"]["name"], picture("blue"), key=b"blue-1")
    async with (
        asyncio.timeout(PATIENCE_SECONDS),
        consuming(
            TOPICS["output"]["name"], bootstrap_servers=servers, auto_offset_reset="earliest"
        ) as consumer,
    ):
        async for record in consumer:
            answer = json.loads(record.value)
            if (answer["id"], answer["model"]["name"]) == ("blue-1", name):
                break
    await asyncio.to_thread(put_right_secrets, cluster)
    await asyncio.to_thread(model.await_ready)
    assert list((await asyncio.to_thread(model.restarts)).values()) == [0]


def is_told(words: str, status: dict[str, Any]) -> bool:
    state, reason, message = condition(status, "Serving")
    return (state, reason) == ("False", "KafkaUnusable") and words in message


def put_wrong_secrets(cluster: Instance) -> None:
    """Write Secrets of somebody whom nobody knows."""
    authority = new_authority("nobody's")
    pair = issue(authority, subject(CERTIFIED))
    put_secret(cluster, "wrong-certificate", {"user.crt": pair.certificate, "user.key": pair.key})
    put_secret(cluster, "wrong-password", {"password": b"another"})
    put_secret(cluster, "wrong-trust", {"ca.crt": authority.certificate})


def put_right_secrets(cluster: Instance) -> None:
    """Write what Kafka knows into the same Secrets."""
    user, trust = (read_secret(cluster, name) for name in (CERTIFIED, f"{KAFKA}-cluster-ca-cert"))
    put_secret(cluster, "wrong-certificate", {name: user[name] for name in ("user.crt", "user.key")})
    put_secret(cluster, "wrong-password", {"password": b"a password"})
    put_secret(cluster, "wrong-trust", {"ca.crt": trust["ca.crt"]})


def put_secret(cluster: Instance, name: str, data: dict[str, bytes]) -> None:
    encoded = {key: base64.b64encode(value).decode() for key, value in data.items()}
    apply(cluster, "v1", "Secret", name, data=encoded)


def read_secret(cluster: Instance, name: str) -> dict[str, bytes]:
    return secret_data(json.loads(cluster.kubectl("get", "secret", name, "-n", NAMESPACE, "-o", "json")))


def apply(cluster: Instance, version: str, kind: str, name: str, **content: Any) -> None:  # noqa: ANN401
    """Apply an object of these tests."""
    labels = {"strimzi.io/cluster": KAFKA, "catdog.dev/test": KAFKA}
    metadata = {"name": name, "namespace": NAMESPACE, "labels": labels}
    body = {"apiVersion": version, "kind": kind, "metadata": metadata, **content}
    cluster.kubectl("apply", "-f", "-", input=json.dumps(body))


async def let_in_by_scram_sha_256(cluster: Instance, user: str, password: bytes) -> None:
    """Give a user a password of the kind that Strimzi has no users of."""
    async with connect(read_kubeconfig(cluster.kubeconfig)) as kube:
        await await_ready(kube, "Kafka", NAMESPACE, KAFKA)

        async def is_set() -> bool:
            admin = await Admins(kube).connect(NAMESPACE, KAFKA)
            assert admin is not None
            await admin.set_password(user, password, ScramMechanism.SCRAM_SHA_256)
            return True

        await eventually(is_set, "Kafka has taken the password")
