"""Photos in a topic: what keeps a training from them is said and heals, and then they are trained on.

The tests go on from one another: one model lacks everything, and one thing after the other is put right.
"""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.instance import Instance
from tests.demo.photo_sets import LabelledPhoto
from tests.e2e.claims import make_claim
from tests.e2e.failures.rows import described
from tests.e2e.kafka import produce, upload
from tests.e2e.models import NAMESPACE, Model
from tests.e2e.strimzi import kafka_topic
from tests.e2e.test_s3 import lay_out, spec_of

TOPIC, CLAIM = "topic-test-photos", "topic-models"
BY_ITSELF = "by itself, within the pause before the next attempt, when that is done"


@pytest.fixture(scope="module")
def model(cluster: Instance) -> Iterator[Model]:
    """Give a model on a topic that is not there yet."""
    make_claim(cluster, CLAIM)
    model = Model(cluster, "from-topic")
    model.apply(spec_of({"kafka": {"topic": TOPIC}}, CLAIM))
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
    cluster.kubectl("wait", f"kafkatopic/{TOPIC}", "-n", NAMESPACE, "--for=condition=Ready", "--timeout=240s")
    asyncio.run(produce(cluster, TOPIC, b"a cat", partition=0))
    message = (
        f"topic {TOPIC} has 1 records, and none with header label: cat or label: dog: photos belong there as "
        "values of records with header label: cat or label: dog"
    )
    status = model.await_condition("Trained", ("False", "DataNotFound", message))
    failures.append(described("no label in the topic of photos", "Trained", status, BY_ITSELF))


def test_what_was_put_there_is_trained_on(
    cluster: Instance, model: Model, drawings: list[LabelledPhoto], tmp_path: Path
) -> None:
    lay_out(drawings, tmp_path)
    said = upload(cluster, tmp_path, TOPIC).stdout
    assert said.startswith(
        f"{len(drawings) + 1} photos are in topic {TOPIC}, offsets: [{{partition: 0, start: 1, "
    )
    model.await_photos_read()
