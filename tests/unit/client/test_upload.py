"""`catdog upload` against a small S3 on localhost."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from catdog_client.__main__ import cli
from catdog_client.exchange import ClientError
from catdog_client.upload import find_photos
from tests.unit.trainer.fake_s3 import FakeS3, serving

KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}


@pytest.fixture
def s3() -> Iterator[FakeS3]:
    """Give an empty bucket that is served."""
    with serving(FakeS3()) as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with photos and much else."""
    names = (
        "training/cat/猫 1.jpg",
        "validation/dog/a+b/2.jpg",
        "training/cat/.hidden.jpg",
        "cat/no.jpg",
        "notes",
    )
    for number, name in enumerate(names):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes([number]))
    return tmp_path


def upload(s3: FakeS3, folder: Path, bucket: str = "photos", **environ: str | None) -> Result:
    """Run the command."""
    options = ("--s3-endpoint", s3.endpoint, "--s3-bucket", bucket, "--s3-prefix", "data/")
    return CliRunner().invoke(cli, ["upload", str(folder), *options], env={**KEYS, **environ})


def test_what_a_training_reads_is_put_under_the_prefix_and_nothing_else(s3: FakeS3, folder: Path) -> None:
    result = upload(s3, folder)
    assert (result.exit_code, result.stdout) == (0, "2 photos are in s3://photos/data/\n")
    assert s3.objects == {"data/training/cat/猫 1.jpg": b"\0", "data/validation/dog/a+b/2.jpg": b"\1"}


def test_a_bucket_that_is_missing_and_a_key_that_is_not_set_are_one_line(s3: FakeS3, folder: Path) -> None:
    refused = upload(s3, folder, bucket="fotos").exception
    assert isinstance(refused, ClientError)
    assert str(refused).startswith(f"bucket fotos at {s3.endpoint}: ")
    assert "NoSuchBucket" in str(refused)
    keyless = upload(s3, folder, AWS_SECRET_ACCESS_KEY=None).exception
    assert str(keyless) == "AWS_SECRET_ACCESS_KEY must be set: the bucket's keys, as its Secret has them"


def test_a_folder_without_photos_and_a_name_that_is_no_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ClientError, match="has no photos: it should hold folders training/cat/"):
        find_photos(tmp_path)
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / os.fsdecode(b"\xff.jpg")).write_bytes(b"")
    with pytest.raises(ClientError, match="is not UTF-8; rename it"):
        find_photos(tmp_path)
