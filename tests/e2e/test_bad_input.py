"""What is wrong is said exactly, and heals when its cause goes: no one touches resource, operator or pod."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.instance import Instance
from tests.demo.photo_sets import LabelledPhoto
from tests.e2e.claims import make_claim
from tests.e2e.failures.rows import described
from tests.e2e.models import Model, condition

EXPECTED_FOLDERS = (
    "folders training/cat/, training/dog/, validation/cat/ and validation/dog/, or cat/ and dog/"
)
TOO_FEW = re.compile(
    r"the claim's root folder has too few photos.*: training has \d of cats and \d of dogs, needed are 10 of "
    r"each; validation has \d of cats and \d of dogs, needed are 2 of each; put more into cat/ and dog/"
)
WITH_PHOTOS = "by itself, within the pause before the next attempt, when the photos are there"
TEST_LABEL = {"catdog.dev/test": "bad-input"}
Models = dict[str, Model]


@pytest.fixture(scope="module")
def claims(cluster: Instance, drawings: list[LabelledPhoto]) -> dict[str, Path]:
    """Claims whose content is wrong, each in its own way."""
    claims = {name: make_claim(cluster, name) for name in ("empty", "cats-only", "no-images")}
    copy_photos([photo for photo in drawings if photo.label == "cat"], claims["cats-only"])
    for name in ("cat", "dog"):
        (claims["no-images"] / name).mkdir(mode=0o777)
        (claims["no-images"] / name / "notes.txt").write_text(f"a {name}")
    return claims


@pytest.fixture(scope="module")
def models(cluster: Instance, claims: dict[str, Path]) -> Iterator[Models]:
    """Resources that cannot get ready as things are; they wait side by side."""
    models = {name: Model(cluster, name) for name in ("missing", *claims)}
    for name, model in models.items():
        model.apply(spec_of({"persistentVolumeClaim": {"claimName": name}}))
    models["no-kafka"] = Model(cluster, "no-kafka")
    models["no-kafka"].apply(spec_of({"sample": {}}, kafka="later-cluster"))
    yield models
    for model in models.values():
        model.delete()


def test_a_missing_claim_is_named_and_awaited(
    cluster: Instance, models: Models, drawings: list[LabelledPhoto], failures: list[str]
) -> None:
    message = (
        "PersistentVolumeClaim missing is not in namespace kafka; create it or name another in "
        "spec.training.dataset.persistentVolumeClaim.claimName"
    )
    status = models["missing"].await_condition("Trained", ("False", "DatasetClaimNotFound", message))
    failures.append(
        described("the photos' claim is missing", "Trained", status, "by itself, when the claim is there")
    )
    make_claim(cluster, "missing", fill=lambda directory: copy_photos(drawings, directory))
    models["missing"].await_ready(version=1)


def test_an_empty_folder_is_told_what_it_should_hold_and_a_few_photos_that_they_are_too_few(
    models: Models, claims: dict[str, Path], drawings: list[LabelledPhoto], failures: list[str]
) -> None:
    message = f"the claim's root folder has no photos: it should hold {EXPECTED_FOLDERS}"
    status = models["empty"].await_condition("Trained", ("False", "DataNotFound", message))
    failures.append(described("data missing", "Trained", status, WITH_PHOTOS))
    for label in ("cat", "dog"):
        copy_photos([photo for photo in drawings if photo.label == label][:5], claims["empty"])
    status = models["empty"].await_status(
        lambda status: TOO_FEW.fullmatch(condition(status, "Trained")[2]) is not None, TOO_FEW.pattern
    )
    assert condition(status, "Trained")[1] == status["lastFailure"]["reason"] == "TooFewPhotos"
    failures.append(described("too few photos", "Trained", status, WITH_PHOTOS))
    copy_photos(drawings, claims["empty"])
    models["empty"].await_ready(version=1)


def test_photos_of_one_label_alone_are_told_where_the_others_go(
    models: Models, claims: dict[str, Path], drawings: list[LabelledPhoto], failures: list[str]
) -> None:
    message = "the claim's root folder has photos of cats only: put photos of dogs into dog/"
    status = models["cats-only"].await_condition("Trained", ("False", "ClassMissing", message))
    failures.append(described("photos of one label alone", "Trained", status, WITH_PHOTOS))
    copy_photos(drawings, claims["cats-only"])
    models["cats-only"].await_ready(version=1)


def test_files_that_are_no_images_are_counted_and_named(
    models: Models, claims: dict[str, Path], drawings: list[LabelledPhoto], failures: list[str]
) -> None:
    message = (
        "the claim's root folder has 2 files and none is a photo that can be read "
        "(cat/notes.txt, dog/notes.txt): put photos into cat/ and dog/"
    )
    status = models["no-images"].await_condition("Trained", ("False", "NoReadablePhotos", message))
    failures.append(described("files that are no photos", "Trained", status, WITH_PHOTOS))
    copy_photos(drawings, claims["no-images"])
    models["no-images"].await_ready(version=1)


def test_a_kafka_that_is_not_there_is_named_and_awaited(
    cluster: Instance, models: Models, failures: list[str]
) -> None:
    message = (
        "Kafka later-cluster is not in namespace kafka; create it or name another in spec.kafka.strimzi.name"
    )
    status = models["no-kafka"].await_condition("KafkaReady", ("False", "KafkaNotFound", message))
    assert status["phase"] != "Serving"
    failures.append(
        described("Kafka cluster missing", "KafkaReady", status, "by itself, when the cluster is there")
    )
    make_kafka(cluster, "later-cluster")
    models["no-kafka"].await_ready(version=1)


def test_two_data_sets_at_once_are_refused_with_what_to_do(cluster: Instance) -> None:
    both: dict[str, Any] = {"sample": {}, "persistentVolumeClaim": {"claimName": "photos"}}
    with pytest.raises(Exception, match="two data sets are named; keep one of sample, persistentVolumeClaim"):
        Model(cluster, "both").apply(spec_of(both))


def spec_of(dataset: dict[str, Any], kafka: str = "my-cluster") -> dict[str, Any]:
    """Return a small, quick model's spec."""
    return {
        "training": {"dataset": dataset, "architecture": "efficientnet-lite0", "epochs": 5},
        "kafka": {"strimzi": {"name": kafka}},
    }


def copy_photos(photos: list[LabelledPhoto], directory: Path) -> None:
    """Add photos to the folders `cat` and `dog` of a claim."""
    for photo in photos:
        target = directory / photo.label / photo.path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(photo.path, target)


def make_kafka(cluster: Instance, name: str) -> None:
    """Apply a Kafka cluster of one broker, without a listener for the host."""
    labels = {"strimzi.io/cluster": name, **TEST_LABEL}
    pool = {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "KafkaNodePool",
        "metadata": {"name": f"{name}-pool", "namespace": "kafka", "labels": labels},
        "spec": {"replicas": 1, "roles": ["controller", "broker"], "storage": {"type": "ephemeral"}},
    }
    listener = {
        "name": "tls",
        "port": 9093,
        "type": "internal",
        "tls": True,
        "authentication": {"type": "tls"},
    }
    kafka = {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "Kafka",
        "metadata": {"name": name, "namespace": "kafka", "labels": TEST_LABEL},
        "spec": {
            "kafka": {
                "listeners": [listener],
                "authorization": {"type": "simple"},
                # Strimzi leaves Kafka's default, three, which one broker can't give to a group's offsets.
                "config": {"offsets.topic.replication.factor": 1},
            },
            "entityOperator": {"topicOperator": {}, "userOperator": {}},
        },
    }
    for manifest in (pool, kafka):
        cluster.kubectl("apply", "-f", "-", input=json.dumps(manifest))
