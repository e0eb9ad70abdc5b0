"""Photos in a topic: what keeps a training from them is said and heals, and then they give a claim's model.

The tests go on from one another: one model lacks everything, and one thing after the other is put right.
"""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from tests.cluster.instance import Instance
from tests.demo.photo_sets import LabelledPhoto
from tests.e2e.claims import make_claim
from tests.e2e.failures.rows import described
from tests.e2e.kafka import produce, settings
from tests.e2e.models import NAMESPACE, Model
from tests.e2e.strimzi import kafka_topic
from tests.e2e.test_s3 import head_and_trunk, lay_out, metadata, spec_of

TOPIC = "topic-test-photos"
BY_ITSELF = "by itself, within the pause before the next attempt, when that is done"


@pytest.fixture(scope="module")
def claim(cluster: Instance, drawings: list[LabelledPhoto]) -> Path:
    """Return the claim for models, and beside it make the photos'."""
    make_claim(cluster, "s3-photos", fill=lambda directory: lay_out(drawings, directory / "data"))
    return make_claim(cluster, "s3-models")


@pytest.fixture(scope="module")
def model(cluster: Instance, claim: Path) -> Iterator[Model]:
    """Give a model on a topic that is not there yet."""
    assert claim.is_dir()
    model = Model(cluster, "from-topic")
    model.apply(spec_of({"kafka": {"topic": TOPIC}}))
    yield model
    model.delete()
    cluster.kubectl("delete", "kafkatopic", TOPIC, "-n", NAMESPACE, "--ignore-not-found")


def test_a_topic_that_is_missing_is_told(model: Model, failures: list[str]) -> None:
    message = (
        f"topic {TOPIC} is not in the Kafka of spec.kafka; create it, or name another in "
        "spec.training.dataset.kafka.topic"
    )
    status = model.await_condition("Trained", ("False", "TopicNotFound", message))
    failures.append(described("the topic of photos missing", "Trained", status, BY_ITSELF))


def test_records_without_labels_are_told_with_what_belongs_there(
    cluster: Instance, model: Model, failures: list[str]
) -> None:
    topic = kafka_topic(TOPIC, partitions=2, replicas=1)
    cluster.kubectl("apply", "-f", "-", input=json.dumps(topic))
    cluster.kubectl("wait", f"kafkatopic/{TOPIC}", "-n", NAMESPACE, "--for=condition=Ready")
    asyncio.run(produce(cluster, TOPIC, b"a cat", partition=0))
    message = (
        f"topic {TOPIC} has 1 records, and none with header label: cat or label: dog: photos belong there as "
        "values of records with header label: cat or label: dog"
    )
    status = model.await_condition("Trained", ("False", "DataNotFound", message))
    failures.append(described("no label in the topic of photos", "Trained", status, BY_ITSELF))


def test_the_same_photos_and_seed_give_the_same_head_from_a_topic_as_from_a_claim(
    cluster: Instance, model: Model, claim: Path, drawings: list[LabelledPhoto]
) -> None:
    asyncio.run(fill(cluster, drawings))
    other = Model(cluster, "beside-topic")
    other.apply(spec_of({"persistentVolumeClaim": {"claimName": "s3-photos", "path": "data"}}))
    versions = [each.await_ready(version=1, timeout=300)["versions"][0] for each in (model, other)]
    assert versions[0]["datasetDigest"] == versions[1]["datasetDigest"]
    heads, trunks = zip(*(head_and_trunk(claim, each.name) for each in (model, other)), strict=True)
    assert trunks[0] == trunks[1]
    assert heads[0] == heads[1]
    provenance = metadata(claim, model.name)["provenance"]
    assert f"{TOPIC}/0/0 (no label)" in provenance["unreadable"]
    assert [each["partition"] for each in provenance["offsets"]] == [0, 1]
    assert sum(each["end"] - each["start"] for each in provenance["offsets"]) == len(drawings) + 1
    other.delete()


async def fill(cluster: Instance, drawings: list[LabelledPhoto]) -> None:
    """Send every drawing with its label, in turn to both partitions."""
    async with AIOKafkaProducer(**settings(cluster), compression_type="zstd") as producer:
        for number, photo in enumerate(drawings):
            headers = [("label", photo.label.encode())]
            content = photo.path.read_bytes()
            await producer.send_and_wait(TOPIC, content, partition=number % 2, headers=headers)
