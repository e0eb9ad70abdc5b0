"""`catdog upload` to a topic of the real Kafka: every photo that it takes, once, and the others by name."""

import asyncio
import hashlib
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.instance import Instance
from tests.cluster.strimzi.client_files import write_client_files
from tests.e2e.kafka import records_in, upload
from tests.e2e.models import NAMESPACE
from tests.e2e.strimzi import kafka_topic, kafka_user

TOPIC, USER = "upload-test-photos", "upload-test"
LARGEST = 100_000  # bytes of a record
LARGE = (7, 8, 150, 299)  # photos that have no room in it
RANGES = re.compile(r"\{partition: (\d), start: (\d+), end: (\d+)\}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return 300 photos in folders with splits, four of them too large, and two more that can't be read."""
    folder = tmp_path_factory.mktemp("upload")
    for number in range(300):
        split, label = ("validation", "training")[number % 5 > 0], ("cat", "dog")[number % 2]
        path = folder / split / label / f"{number:03} 猫.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        size = LARGEST + number if number in LARGE else 1000 + 100 * number
        path.write_bytes(number.to_bytes(4) + os.urandom(size))
    (folder / "training" / "cat" / "gone.jpg").symlink_to("nowhere")
    os.mkfifo(folder / "training" / "dog" / "pipe.jpg")
    return folder


@pytest.fixture(scope="module")
def topic(cluster: Instance) -> Iterator[str]:
    """Give a topic of two partitions for smaller records than usual, and beside it who may write there."""
    rights = ("Describe", "Write")  # and so not its settings
    config = {"max.message.bytes": LARGEST}
    for each in (
        kafka_topic(TOPIC, partitions=2, replicas=1, config=config),
        kafka_user(USER, TOPIC, rights),
    ):
        cluster.kubectl("apply", "-f", "-", input=json.dumps(each))
    for kind, name in (("kafkatopic", TOPIC), ("kafkauser", USER)):
        cluster.kubectl("wait", f"{kind}/{name}", "-n", NAMESPACE, "--for=condition=Ready", "--timeout=240s")
    yield TOPIC
    cluster.kubectl("delete", f"kafkatopic/{TOPIC}", f"kafkauser/{USER}", "-n", NAMESPACE)


@pytest.mark.parametrize("knows", [True, False], ids=["who sees the limit", "who learns it by a refusal"])
def test_every_photo_lies_there_once_under_its_digest_with_label_and_split_and_others_are_named(
    cluster: Instance, topic: str, folder: Path, tmp_path: Path, *, knows: bool
) -> None:
    before = len(asyncio.run(records_in(cluster, topic)))
    done = upload(cluster, folder, topic, user_dir=None if knows else user_files(cluster, tmp_path))
    sent = asyncio.run(records_in(cluster, topic))
    ranges = {int(number): range(int(start), int(end)) for number, start, end in RANGES.findall(done.stdout)}
    new = [record for record in sent if record.offset in ranges.get(record.partition, ())]
    assert done.stdout.splitlines()[-1].startswith(f"6 left out; 296 photos are in topic {topic}, offsets: [")
    assert done.returncode == 1
    assert len(sent) - before == len(new) == 296
    assert {described(record) for record in new} == set(expected(folder))
    refused = "(allows|takes); make it smaller"
    for number in LARGE:
        assert re.search(
            f"{number:03} 猫.jpg has {LARGEST + number + 4} bytes, more than .* {refused}", done.stderr
        )
    assert "training/cat/gone.jpg cannot be read: No such file or directory" in done.stderr
    assert "training/dog/pipe.jpg is no file" in done.stderr
    whose = f"topic {topic} allows" if knows else f"topic {topic} takes"
    assert done.stderr.count(whose) == len(LARGE)


def test_a_topic_that_is_not_there_is_told_and_not_made(cluster: Instance, folder: Path) -> None:
    done = upload(cluster, folder, "upload-test-nowhere")
    assert last_line(done) == (
        "catdog: topic upload-test-nowhere is not there: create it, or name another in --topic"
    )
    assert done.returncode == 1


def test_a_topic_that_may_not_be_written_to_is_told_with_the_right_that_is_missing(
    cluster: Instance, topic: str, folder: Path, tmp_path: Path
) -> None:
    assert topic
    done = upload(cluster, folder, "elsewhere", user_dir=user_files(cluster, tmp_path))
    assert last_line(done) == (
        "catdog: topic elsewhere may not be written to: ask for the ACLs Describe and Write on it"
    )


def user_files(cluster: Instance, directory: Path) -> Path:
    """Return the directory with the certificate of who may write and no more."""
    write_client_files(cluster.kubeconfig, directory, user=USER)
    return directory / "user"


def expected(folder: Path) -> Iterator[tuple[str, bytes, tuple[Any, ...]]]:
    """Give of every photo that fits what is to be there."""
    for path in sorted(folder.rglob("*.jpg")):
        if not path.is_file() or path.stat().st_size > LARGEST:
            continue
        split, label, _ = path.relative_to(folder).parts
        content = path.read_bytes()
        headers = (("label", label.encode()), ("split", split.encode()))
        yield hashlib.sha256(content).hexdigest(), content, headers


def described(record: Any) -> tuple[str, bytes, tuple[Any, ...]]:  # noqa: ANN401 - aiokafka's
    """Return what a record has."""
    return record.key.decode(), record.value, tuple(record.headers)


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    """Return what is said at last."""
    return done.stderr.splitlines()[-1]
