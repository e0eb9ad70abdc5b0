"""Photos in a bucket: what keeps a training from them is said and heals, and then they are trained on.

The tests go on from one another: one model lacks everything, and one thing after the other is put right.
"""

import json
import shutil
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from catdog_trainer.data import DataError
from catdog_trainer.data.addresses import BucketAddress
from catdog_trainer.data.bucket import Bucket
from tests.cluster.instance import Instance
from tests.demo.photo_sets import LabelledPhoto
from tests.e2e.claims import make_claim
from tests.e2e.cutting import cutting
from tests.e2e.failures.rows import described
from tests.e2e.models import NAMESPACE, Model, condition
from tests.e2e.s3 import KEY, SECRET, S3Server, s3_server
from tests.e2e.test_bad_input import FOLDERS, WITH_PHOTOS

CLAIM = "s3-models"
FIELDS = "spec.training.dataset.s3"
# Bytes of a connection, TLS and all: the second page of a listing, or its first, is cut in its middle.
BEYOND_A_PAGE, WITHIN_A_PAGE = 350_000, 50_000
BY_ITSELF = "by itself, within the pause before the next attempt, when that is done"


@pytest.fixture(scope="module")
def s3(cluster: Instance, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """Give a server that has no bucket yet."""
    with s3_server(cluster, tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(scope="module")
def model(cluster: Instance, s3: S3Server) -> Iterator[Model]:
    """Give a model on a bucket of which nothing is there yet: no Secrets, no bucket, no photos."""
    make_claim(cluster, CLAIM)
    model = Model(cluster, "from-s3")
    model.apply(spec_of({"s3": bucket_of(s3, prefix="data/")}, CLAIM))
    yield model
    model.delete()
    cluster.kubectl("delete", "secret", "photos-s3", "rgw-ca", "-n", NAMESPACE, "--ignore-not-found")


def test_secrets_that_are_not_there_are_told_with_their_fields(model: Model, failures: list[str]) -> None:
    expected = (
        " waits for Secret photos-s3 and Secret rgw-ca, which are not there; create them, or name another in "
        f"{FIELDS}.credentialsSecret and {FIELDS}.caSecret"
    )
    status = model.await_status(
        lambda status: condition(status, "Trained")[2].endswith(expected), "it waits for both Secrets"
    )
    assert condition(status, "Trained")[:2] == ("False", "SecretNotFound")
    failures.append(described("the bucket's Secrets missing", "Trained", status, BY_ITSELF))


def test_a_key_that_a_secret_lacks_is_told_with_its_field(
    cluster: Instance, s3: S3Server, model: Model, failures: list[str]
) -> None:
    make_secret(cluster, "rgw-ca", {"ca.crt": s3.ca_file.read_text()})
    make_secret(cluster, "photos-s3", {"AWS_ACCESS_KEY_ID": KEY})
    expected = (
        f" waits for key AWS_SECRET_ACCESS_KEY of the Secret that {FIELDS}.credentialsSecret names, which is "
        "not there; add it, or name another"
    )
    status = model.await_status(
        lambda status: condition(status, "Trained")[2].endswith(expected), "it waits for the key"
    )
    assert condition(status, "Trained")[:2] == ("False", "SecretKeyNotFound")
    failures.append(described("a key missing in the bucket's Secret", "Trained", status, BY_ITSELF))


def test_a_wrong_key_is_told_with_the_servers_word(
    cluster: Instance, model: Model, failures: list[str]
) -> None:
    make_secret(cluster, "photos-s3", credentials("wrong"))
    status = await_reason(model, "AccessDenied")
    assert "SignatureDoesNotMatch" in condition(status, "Trained")[2]
    assert SECRET not in json.dumps(status)
    failures.append(described("a wrong key to the bucket", "Trained", status, BY_ITSELF))


def test_a_bucket_that_is_missing_is_told(
    cluster: Instance, s3: S3Server, model: Model, failures: list[str]
) -> None:
    make_secret(cluster, "photos-s3", credentials(SECRET))
    message = f"bucket photos is not at {s3.endpoint}; create it, or name another in {FIELDS}.bucket"
    status = model.await_condition("Trained", ("False", "BucketNotFound", message))
    failures.append(described("the bucket missing", "Trained", status, BY_ITSELF))


def test_a_bucket_without_photos_is_told_what_belongs_there(
    s3: S3Server, model: Model, failures: list[str]
) -> None:
    s3.make_bucket("photos")
    message = f"s3://photos/data/ has no photos: it should hold {FOLDERS}"
    status = model.await_condition("Trained", ("False", "DataNotFound", message))
    failures.append(described("no photos in the bucket", "Trained", status, WITH_PHOTOS))


def test_what_was_put_there_is_trained_on(
    s3: S3Server, model: Model, drawings: list[LabelledPhoto], tmp_path: Path
) -> None:
    lay_out(drawings, tmp_path)
    s3.make_folder("photos", "data/cat/")
    said = s3.upload(tmp_path, "photos", "data/")
    assert said.endswith(f"{len(drawings) + 1} photos are in s3://photos/data/\n")
    model.await_photos_read()


def test_a_listing_that_is_cut_off_goes_on_and_one_that_always_is_never_is_fewer_photos(
    s3: S3Server, tmp_path: Path
) -> None:
    keys = make_objects(s3, "many", 1500)  # a page has 1000
    with cutting(s3.endpoint) as cutter:
        bucket = Bucket(reader_of(s3, cutter.endpoint, "many", tmp_path))
        cutter.cuts.extend([BEYOND_A_PAGE, WITHIN_A_PAGE, WITHIN_A_PAGE])
        assert list(bucket.keys("cat/")) == keys
        assert not cutter.cuts
        broken = Bucket(reader_of(s3, cutter.endpoint, "many", tmp_path))
        cutter.cuts.extend([BEYOND_A_PAGE, *(100 * [WITHIN_A_PAGE])])
        listed = broken.keys("cat/")
        assert list(islice(listed, 1000)) == keys[:1000]
        with pytest.raises(DataError) as raised:
            next(listed)
        assert raised.value.reason in ("EndpointUnreachable", "EndpointError")


def make_objects(s3: S3Server, bucket: str, count: int) -> list[str]:
    """Make a bucket with so many small objects, and return their keys."""
    s3.make_bucket(bucket)
    keys = [f"cat/{number:04}.png" for number in range(count)]
    (s3.root / bucket / "cat").mkdir()
    for key in keys:
        (s3.root / bucket / key).write_bytes(key.encode())
    return keys


def reader_of(s3: S3Server, endpoint: str, bucket: str, directory: Path) -> BucketAddress:
    """Return what a trainer is told of a bucket, with credentials in a directory."""
    for name, value in credentials(SECRET).items():
        (directory / name).write_text(value)
    return BucketAddress(endpoint, bucket, "us-east-1", directory, s3.ca_file)


def bucket_of(s3: S3Server, prefix: str) -> dict[str, Any]:
    """Return the data set of the photos in a bucket, let in by the Secrets that these tests make."""
    return {
        "endpoint": s3.endpoint,
        "bucket": "photos",
        "prefix": prefix,
        "credentialsSecret": {"name": "photos-s3"},
        "caSecret": {"name": "rgw-ca", "key": "ca.crt"},
    }


def spec_of(dataset: dict[str, Any], claim: str) -> dict[str, Any]:
    """Return the spec of a small, quick model over a claim for models, without workers."""
    return {
        "training": {"dataset": dataset, "architecture": "efficientnet-lite0", "epochs": 5},
        "storage": {"existingClaim": claim},
        "inference": {"replicas": 0},
        "kafka": {"strimzi": {"name": "my-cluster"}},
    }


def credentials(secret: str) -> dict[str, str]:
    """Return a Secret's content, as an ObjectBucketClaim makes it."""
    return {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": secret}


def make_secret(cluster: Instance, name: str, content: dict[str, str]) -> None:
    """Create a Secret, or give it another content."""
    metadata = {"name": name, "namespace": NAMESPACE}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": content}
    cluster.kubectl("apply", "-f", "-", input=json.dumps(secret))


def await_reason(model: Model, reason: str) -> dict[str, Any]:
    """Return the first status with this reason for not being trained."""
    return model.await_status(lambda status: condition(status, "Trained")[1] == reason, reason)


def lay_out(photos: list[LabelledPhoto], directory: Path) -> None:
    """Copy photos into folders `cat` and `dog`, and one file that is no photo."""
    for photo in photos:
        target = directory / photo.label / photo.path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(photo.path, target)
    (directory / "cat" / "notes.txt").write_bytes(b"a cat")
