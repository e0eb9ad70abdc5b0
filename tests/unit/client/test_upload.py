"""`catdog upload`: what it finds, where it refuses to put it, and a bucket of a small S3 on localhost.

How it fills a topic is tested with a real broker (`tests/e2e/test_upload.py`).
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from catdog_client.__main__ import cli
from catdog_client.errors import ClientError
from catdog_client.folder import LabelledFile, LeftOut, find_photos, size_of
from catdog_client.upload_topic import Uploaded
from catdog_common.artifact import PartitionOffsets
from tests.cluster.pki import issue, make_authority
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


def test_what_cannot_be_put_there_is_named_and_all_else_is_and_the_exit_code_is_1(
    s3: FakeS3, folder: Path
) -> None:
    cats = folder / "training" / "cat"
    (cats / os.fsdecode(b"\xff.jpg")).write_bytes(b"")
    (cats / "gone\n.jpg").symlink_to("nowhere")
    os.mkfifo(cats / "pipe.jpg")
    result = upload(s3, folder)
    assert (result.exit_code, result.stdout) == (1, "3 left out; 2 photos are in s3://photos/data/\n")
    assert result.stderr.endswith(
        "'training/cat/gone\\n.jpg' cannot be read: No such file or directory\n"
        "training/cat/pipe.jpg is no file\n"
        "training/cat/\\xff.jpg has a name that is not UTF-8, and so can't be a key; rename it\n"
    )
    assert len(s3.objects) == 2


def test_links_that_lead_out_are_left_out_and_named_as_a_training_would_leave_them(
    s3: FakeS3, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    private = tmp_path_factory.mktemp("private")
    (private / "diary.jpg").write_bytes(b"private")
    cats, dogs = folder / "training" / "cat", folder / "training" / "dog"
    (cats / "diary.jpg").symlink_to(private / "diary.jpg")
    (cats / "more").symlink_to(private)
    (cats / "again.jpg").symlink_to("猫 1.jpg")
    dogs.symlink_to(private)
    result = upload(s3, folder)
    assert (result.exit_code, result.stdout) == (1, "3 left out; 3 photos are in s3://photos/data/\n")
    assert sorted(result.stderr.splitlines()[-3:]) == [
        f"training/cat/diary.jpg is a link that leads out of {folder}",
        "training/cat/more is a link to a folder",
        f"training/dog is a link that leads out of {folder}",
    ]
    assert b"private" not in s3.objects.values()
    assert s3.objects["data/training/cat/again.jpg"] == b"\0"


def test_labels_and_splits_are_those_of_the_folders_and_what_may_not_be_looked_into_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private = folder / "training" / "dog" / "private"
    private.mkdir(parents=True)
    scandir = os.scandir

    def deny(path: str) -> object:  # tests may run as root, to whom no folder is closed
        if path == str(private):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", deny)
    photos, left_out = find_photos(folder)
    assert [(photo.name, photo.label, photo.split) for photo in photos] == [
        ("training/cat/猫 1.jpg", "cat", "training"),
        ("validation/dog/a+b/2.jpg", "dog", "validation"),
    ]
    assert left_out == [LeftOut(str(private), "cannot be read: Permission denied")]
    assert find_photos(folder / "training")[0] == [
        LabelledFile(folder / "training/cat/猫 1.jpg", "cat/猫 1.jpg", "cat", None)
    ]
    assert [size_of(photo) for photo in photos] == [1, 1]


def test_a_folder_without_photos_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ClientError, match="has no photos: it should hold folders training/cat/"):
        find_photos(tmp_path)


@pytest.mark.parametrize(
    ("options", "environ", "said"),
    [
        ([], {}, "no place is named: give --topic, or --s3-endpoint and --s3-bucket"),
        (["--s3-endpoint", "https://x"], {}, "give --topic, or --s3-endpoint and --s3-bucket"),
        (["--topic", "photos", "--s3-prefix", "data/"], {}, "--topic and --s3-prefix name two places"),
        (
            ["--topic", "photos", "--s3-bucket", "x"],
            {"CATDOG_S3_ENDPOINT": "https://x"},
            "--topic and --s3-bucket name two places: leave one out",
        ),
        (
            [],
            {"CATDOG_S3_BUCKET": "x", "CATDOG_TOPIC": "photos"},
            "unset one, or give the place that is meant",
        ),
        (["--s3-bucket", "x"], {"CATDOG_TOPIC": "photos"}, "give --topic, or --s3-endpoint and --s3-bucket"),
        (["--topic", "photos"], {}, "--kafka-bootstrap-servers is missing: give it before the command"),
    ],
)
def test_options_that_do_not_go_together_are_refused_with_what_to_write(
    folder: Path, options: list[str], environ: dict[str, str], said: str
) -> None:
    result = CliRunner().invoke(cli, ["upload", str(folder), *options], env=environ)
    assert result.exit_code == 2
    assert said in " ".join(result.output.replace("│", "").split())


def test_a_topic_that_is_typed_is_meant_whatever_bucket_is_in_the_environment(folder: Path) -> None:
    environ = {**KEYS, "CATDOG_S3_ENDPOINT": "https://x", "CATDOG_S3_BUCKET": "photos"}
    result = CliRunner().invoke(cli, ["upload", str(folder), "--topic", "photos"], env=environ)
    assert "--kafka-bootstrap-servers is missing" in result.output, "on its way to the topic"


def test_a_bucket_that_is_typed_is_meant_whatever_topic_is_in_the_environment(
    s3: FakeS3, folder: Path
) -> None:
    result = upload(s3, folder, CATDOG_TOPIC="photos")
    assert (result.exit_code, result.stdout) == (0, "2 photos are in s3://photos/data/\n")


def test_a_kafka_that_nobody_reaches_is_one_line(folder: Path, tmp_path: Path) -> None:
    make_authority("ours").write(tmp_path, "ca")
    issue(make_authority("ours"), "client", hosts=[]).write(tmp_path, "user")
    places = [f"--kafka-{name}-dir={tmp_path}" for name in ("ca", "user")]
    command = ["--kafka-bootstrap-servers=127.0.0.1:1", *places, "upload", str(folder), "--topic", "photos"]
    refused = CliRunner().invoke(cli, command).exception
    assert isinstance(refused, ClientError)
    assert str(refused).startswith("topic photos of 127.0.0.1:1 does not take photos: ")


def test_the_offsets_are_of_each_partition_the_range_that_the_photos_lie_in() -> None:
    uploaded = Uploaded()
    for partition, offset in ((1, 7), (0, 3), (1, 5), (1, 9)):
        uploaded.add(partition, offset)
    assert uploaded.count == 4
    assert uploaded.offsets == (PartitionOffsets(0, 3, 4), PartitionOffsets(1, 5, 10))
