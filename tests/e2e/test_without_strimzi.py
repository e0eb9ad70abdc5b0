"""A model over a Kafka that is known by its addresses alone; the tests go on from one another's state."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from catdog_operator.resolve import resolve
from catdog_operator.resource import parse_model
from tests.cluster.instance import Instance
from tests.crd import model_schema, with_defaults
from tests.e2e.claims import make_claim
from tests.e2e.kafka import first_record, produce
from tests.e2e.models import NAMESPACE, Model, condition
from tests.tiny_version import picture, publish_tiny_version

SERVERS = "my-cluster-kafka-bootstrap.kafka.svc:9093"
TOPICS = ("given-photos", "given-answers", "given-letters")
CLIENT = "given-client"  # a KafkaUser, and so its Secret
CA = "my-cluster-cluster-ca-cert"
SPEC: dict[str, Any] = {
    "training": {"dataset": {"sample": {}}},
    "storage": {"existingClaim": "given-versions"},
    "kafka": {
        "bootstrapServers": SERVERS,
        "authentication": {"type": "tls", "secretName": CLIENT},
        # The same certificate in both ways that there are.
        "tls": {
            "trustedCertificates": [
                {"secretName": CA, "pattern": "*.crt"},
                {"secretName": CA, "certificate": "ca.crt"},
            ]
        },
        "topics": dict(
            zip(("input", "output", "deadLetters"), ({"name": name} for name in TOPICS), strict=True)
        ),
    },
}


@pytest.fixture(scope="module")
def given(cluster: Instance) -> Iterator[Model]:
    """Give a model of which a version is on the claim; its topics are there, but nobody who may use them."""
    training_hash = hash_of(SPEC)

    def publish(claim: Path) -> None:
        publish_tiny_version(claim, "given", training_hash=training_hash)

    make_claim(cluster, "given-versions", fill=publish)
    for name in TOPICS:
        make(cluster, "KafkaTopic", name, {"partitions": 1, "replicas": 1})
    model = Model(cluster, "given")
    model.apply(SPEC)
    yield model
    model.delete()
    for name in ("kafkauser", "kafkatopic"):
        cluster.kubectl("delete", name, "-n", NAMESPACE, "-l", "catdog.dev/test=given")


def test_a_secret_that_is_not_there_is_named(given: Model) -> None:
    status = given.await_status(lambda each: condition(each, "Serving")[1] == "SecretNotFound", "no Secret")
    assert f"Secret {CLIENT}" in condition(status, "Serving")[2]
    assert condition(status, "KafkaReady")[:2] == ("True", "TakenOnTrust")


def test_it_serves_when_the_secret_is_there(cluster: Instance, given: Model) -> None:
    make(cluster, "KafkaUser", CLIENT, {"authentication": {"type": "tls"}, "authorization": rights()})
    status = given.await_ready(version=1)
    assert (status["kafka"]["bootstrapServers"], status["kafka"]["secretName"]) == (SERVERS, CLIENT)
    assert given.children("kafkatopics") + given.children("kafkausers") == []


async def test_it_answers_a_picture(cluster: Instance, given: Model) -> None:
    given.await_ready(version=1)
    await produce(cluster, TOPICS[0], picture("red"), key=b"red-1")
    answer = await first_record(cluster, TOPICS[1], lambda record: record.key == b"red-1")
    assert json.loads(answer.value)["label"] == "cat"
    assert dict(answer.headers)["ce_source"] == f"/kafkas/{SERVERS}/catdogmodels/kafka/given".encode()


def hash_of(spec: dict[str, Any]) -> str:
    """Return what names the version that a spec asks for."""
    metadata = {"name": "given", "namespace": NAMESPACE, "uid": "", "generation": 1}
    return resolve(parse_model(with_defaults({"metadata": metadata, "spec": spec}, model_schema()))).hash


def make(cluster: Instance, kind: str, name: str, spec: dict[str, Any]) -> None:
    """Make a topic or a user in Kafka, as a person does who runs it, and await it."""
    labels = {"strimzi.io/cluster": "my-cluster", "catdog.dev/test": "given"}
    metadata = {"name": name, "namespace": NAMESPACE, "labels": labels}
    body = {"apiVersion": "kafka.strimzi.io/v1", "kind": kind, "metadata": metadata, "spec": spec}
    cluster.kubectl("apply", "-f", "-", input=json.dumps(body))
    cluster.kubectl("wait", kind.lower(), name, "-n", NAMESPACE, "--for=condition=Ready", "--timeout=240s")


def rights() -> dict[str, Any]:
    """Return what a worker must be let do: read pictures by its group, write answers and dead letters."""
    photos, *written = TOPICS
    rules = [
        {"resource": {"type": "topic", "name": photos}, "operations": ["Read"]},
        *({"resource": {"type": "topic", "name": name}, "operations": ["Write"]} for name in written),
        {"resource": {"type": "group", "name": "catdog.kafka.given"}, "operations": ["Read"]},
    ]
    return {"type": "simple", "acls": rules}
