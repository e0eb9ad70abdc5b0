"""What is wrong is said exactly, and heals when its cause goes: no one touches resource, operator or pod."""

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
from tests.e2e.failures.scene import publish_version
from tests.e2e.kafka_clusters import make_kafka
from tests.e2e.models import NAMESPACE, Model, condition
from tests.e2e.trunks import ARCHITECTURE, lay_trunk

FOLDERS = "folders training/cat/, training/dog/, validation/cat/ and validation/dog/, or cat/ and dog/"
# By claim: the failure, its reason and its message.
WRONG = {
    "missing": (
        "the photos' claim is missing",
        "DatasetClaimNotFound",
        (
            "PersistentVolumeClaim missing is not in namespace kafka; create it or name another in "
            "spec.training.dataset.persistentVolumeClaim.claimName"
        ),
    ),
    "empty": (
        "data missing",
        "DataNotFound",
        f"the claim's root folder has no photos: it should hold {FOLDERS}",
    ),
    "cats-only": (
        "photos of one label alone",
        "ClassMissing",
        "the claim's root folder has photos of cats only: put photos of dogs into dog/",
    ),
    "no-images": (
        "files that are no photos",
        "NoReadablePhotos",
        (
            "the claim's root folder has 2 files and none is a photo that can be read "
            "(cat/notes.txt, dog/notes.txt): put photos into cat/ and dog/"
        ),
    ),
}
TOO_FEW = re.compile(
    r"the claim's root folder has too few photos.*: training has \d of cats and \d of dogs, needed are 10 of "
    r"each; validation has \d of cats and \d of dogs, needed are 2 of each; put more into cat/ and dog/"
)
WITH_CLAIM = "by itself, when the claim is there"
WITH_PHOTOS = "by itself, within the pause before the next attempt, when the photos are there"
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
    assert claims.keys() < WRONG.keys()
    make_claim(cluster, "bad-input-models", fill=lambda directory: lay_trunk(cluster, directory, "empty"))
    models = {name: Model(cluster, name) for name in WRONG}
    for name, model in models.items():
        storage = {"storage": {"existingClaim": "bad-input-models"}}
        model.apply(spec_of({"persistentVolumeClaim": {"claimName": name}}) | storage)
    yield models
    for model in models.values():
        model.delete()


@pytest.fixture(scope="module")
def put_right(
    cluster: Instance, models: Models, claims: dict[str, Path], drawings: list[LabelledPhoto]
) -> Models:
    """Do with all claims what was asked for, and touch neither resource, operator nor pod."""
    make_claim(cluster, "missing", fill=lambda directory: copy_photos(drawings, directory))
    for directory in claims.values():
        copy_photos(drawings, directory)
    return models


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_and_what_to_do(models: Models, name: str, failures: list[str]) -> None:
    failure, reason, message = WRONG[name]
    status = models[name].await_condition("Trained", ("False", reason, message))
    failures.append(described(failure, "Trained", status, WITH_CLAIM if name == "missing" else WITH_PHOTOS))


def test_a_few_photos_are_told_that_they_are_too_few(
    models: Models, claims: dict[str, Path], drawings: list[LabelledPhoto], failures: list[str]
) -> None:
    for label in ("cat", "dog"):
        copy_photos([photo for photo in drawings if photo.label == label][:5], claims["empty"])
    status = models["empty"].await_status(
        lambda status: TOO_FEW.fullmatch(condition(status, "Trained")[2]) is not None, TOO_FEW.pattern
    )
    assert condition(status, "Trained")[1] == status["lastFailure"]["reason"] == "TooFewPhotos"
    failures.append(described("too few photos", "Trained", status, WITH_PHOTOS))


@pytest.mark.parametrize("name", sorted(WRONG.keys() - {"empty"}))
def test_what_was_put_right_is_trained_on(put_right: Models, name: str) -> None:
    put_right[name].await_photos_read()
    put_right[name].delete()  # what a trainer does with photos is shown by the one that is left


def test_what_was_put_right_is_served(put_right: Models) -> None:
    status = put_right["empty"].await_ready(version=1)
    assert "lastFailure" not in status


def test_a_kafka_that_is_not_there_is_named_and_awaited(cluster: Instance, failures: list[str]) -> None:
    make_claim(cluster, "no-kafka", fill=lambda directory: publish_version(directory, "no-kafka"))
    model = Model(cluster, "no-kafka")
    storage = {"existingClaim": "no-kafka"}
    model.apply(
        {"training": {"dataset": {"sample": {}}}, "storage": storage, "kafka": kafka("later-cluster")}
    )
    message = (
        "Kafka later-cluster is not in namespace kafka; create it or name another in spec.kafka.strimzi.name"
    )
    status = model.await_condition("KafkaReady", ("False", "KafkaNotFound", message))
    assert status["phase"] != "Serving"
    failures.append(
        described("Kafka cluster missing", "KafkaReady", status, "by itself, when the cluster is there")
    )
    make_kafka(cluster, "later-cluster")
    model.await_ready(version=1)
    model.delete()
    for kind, of_it in (
        ("kafkatopic", "strimzi.io/cluster=later-cluster"),  # which do not go without their Kafka
        ("kafka", "catdog.dev/test=later-cluster"),
        ("kafkanodepool", "catdog.dev/test=later-cluster"),
    ):
        cluster.kubectl("delete", kind, "-n", NAMESPACE, "-l", of_it)


def test_two_data_sets_at_once_are_refused_with_what_to_do(cluster: Instance) -> None:
    both: dict[str, Any] = {"sample": {}, "persistentVolumeClaim": {"claimName": "photos"}}
    with pytest.raises(
        Exception, match="several data sets are named; keep one of sample, persistentVolumeClaim, s3, kafka"
    ):
        Model(cluster, "both").apply(spec_of(both))


def spec_of(dataset: dict[str, Any]) -> dict[str, Any]:
    """Return a small, quick model's spec."""
    return {
        "training": {"dataset": dataset, "architecture": ARCHITECTURE, "epochs": 5},
        "kafka": kafka("my-cluster"),
    }


def kafka(name: str) -> dict[str, Any]:
    """Return the part of a spec that names a cluster of Strimzi's."""
    return {"strimzi": {"name": name}}


def copy_photos(photos: list[LabelledPhoto], directory: Path) -> None:
    """Add photos to the folders `cat` and `dog` of a claim."""
    for photo in photos:
        target = directory / photo.label / photo.path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(photo.path, target)
