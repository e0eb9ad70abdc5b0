"""Every way in that a broker can ask for, each with workers of its own that answer the same picture."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from confluent_kafka.admin import ScramMechanism

from tests.cluster.instance import Instance
from tests.cluster.strimzi.admins import Admins
from tests.cluster.strimzi.kube import connect, read_kubeconfig
from tests.cluster.strimzi.waiting import await_ready
from tests.e2e.claims import make_claim
from tests.e2e.kafka_clusters import EXTERNAL, MUTUAL_TLS, external_address, make_kafka
from tests.e2e.models import NAMESPACE, Model
from tests.e2e.test_upgrade import SAMPLE_HASH
from tests.tiny_version import picture, publish_tiny_version

KAFKA = "logins"
PERSON = "logins-person"
TOPICS = {name: {"name": f"logins-{name.lower()}"} for name in ("input", "output", "deadLetters")}
JAAS = "org.apache.kafka.common.security"
LISTENERS = (
    EXTERNAL,
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


@pytest.fixture(scope="module")
def models(cluster: Instance) -> Iterator[dict[str, Model]]:
    """Give a model for each way in, of which a version is on the claim they share."""
    super_users = ("ANONYMOUS", "pets-scram", "pets-plain", PERSON)
    make_kafka(cluster, KAFKA, *LISTENERS, super_users=super_users)
    make_claim(cluster, KAFKA, fill=publish)
    apply(cluster, "v1", "Secret", "pets-scram", stringData={"password": "a password"})
    strimzi = "kafka.strimzi.io/v1"
    for topic in TOPICS.values():
        apply(cluster, strimzi, "KafkaTopic", topic["name"], spec={"partitions": 2, "replicas": 1})
    apply(cluster, strimzi, "KafkaUser", PERSON, spec={"authentication": {"type": "scram-sha-512"}})
    models = {name: Model(cluster, name) for name in WAYS}
    for name, way in WAYS.items():
        storage = {"existingClaim": KAFKA}
        models[name].apply(
            {"training": {"dataset": {"sample": {}}}, "storage": storage, "kafka": way | {"topics": TOPICS}}
        )
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
    async with asyncio.timeout(60):
        async with AIOKafkaProducer(bootstrap_servers=servers) as producer:
            await producer.send_and_wait(TOPICS["input"]["name"], picture("red"), key=b"red-1")
        answered = set[str]()
        async with AIOKafkaConsumer(
            TOPICS["output"]["name"], bootstrap_servers=servers, auto_offset_reset="earliest"
        ) as consumer:
            while answered != WAYS.keys():
                answer = json.loads((await consumer.getone()).value)
                assert (answer["id"], answer["label"]) == ("red-1", "cat")
                answered.add(answer["model"]["name"])


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
        admin = await Admins(kube).connect(NAMESPACE, KAFKA)
        assert admin is not None
        await admin.set_password(user, password, ScramMechanism.SCRAM_SHA_256)


def publish(directory: Path) -> None:
    """Publish a version of each model as if the training of the sample had."""
    for name in WAYS:
        publish_tiny_version(directory, name, training_hash=SAMPLE_HASH)
    for path in directory.rglob("*"):
        path.chmod(0o2775 if path.is_dir() else 0o664)
