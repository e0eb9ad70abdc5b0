"""`catdog send` where topics are not as they should be: no model, and the test writes the answers."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.cache import REPOSITORY
from tests.cluster.commands import environment
from tests.cluster.instance import Instance
from tests.cluster.waiting import PATIENCE_SECONDS
from tests.e2e.kafka import first_record, produce
from tests.e2e.models import NAMESPACE
from tests.e2e.strimzi import kafka_topic

IMAGES, ANSWERS, DEAD_LETTERS = TOPICS = ("send-test-images", "send-test-answers", "send-test-dead-letters")
LARGEST = 100_000  # bytes of a record with an image
NO_ANSWERS = (b"a note", b'{"id": "\xff"}', b"{}", b"")


@pytest.fixture(scope="module")
def topics(cluster: Instance) -> Iterator[None]:
    """Give a model's three topics, of which that for images takes smaller ones than a model says."""
    for name in TOPICS:
        config = {"max.message.bytes": LARGEST if name == IMAGES else 2**20}
        topic = kafka_topic(name, partitions=1, replicas=1, config=config)
        cluster.kubectl("apply", "-f", "-", input=json.dumps(topic))
    names = [f"kafkatopic/{name}" for name in TOPICS]
    cluster.kubectl("wait", *names, "-n", NAMESPACE, "--for=condition=Ready", "--timeout=240s")
    yield
    cluster.kubectl("delete", *names, "-n", NAMESPACE)


@pytest.mark.usefixtures("topics")
async def test_one_that_the_topic_refuses_keeps_no_other_from_being_sent(
    cluster: Instance, tmp_path: Path
) -> None:
    sizes = {"before.jpg": 1000, "large.jpg": LARGEST, "after.jpg": 1000, "last.jpg": 1000}
    for name, size in sizes.items():
        (tmp_path / name).write_bytes(os.urandom(size))
    told, code = await send(cluster, tmp_path, *sizes)
    assert [each["file"] for each in told if "offset" in each] == ["before.jpg", "after.jpg", "last.jpg"]
    [refused] = [each for each in told if "error" in each]
    assert refused == {
        "file": "large.jpg",
        "error": f"has {LARGEST} bytes, more than topic {IMAGES} takes; make it smaller",
    }
    assert code == 1


@pytest.mark.usefixtures("topics")
async def test_what_is_no_answer_is_passed_over_until_the_answer_comes(
    cluster: Instance, tmp_path: Path
) -> None:
    (tmp_path / "cat.jpg").write_bytes(photo := os.urandom(1000))
    sending = asyncio.create_task(send(cluster, tmp_path, "--wait", "cat.jpg"))
    record = await first_record(cluster, IMAGES, lambda record: record.value == photo)
    for value in NO_ANSWERS:
        await produce(cluster, ANSWERS, value)
    await produce(cluster, ANSWERS, json.dumps(answer_to(record)).encode())
    [told], code = await sending
    assert (told["file"], told["label"], told["version"]) == ("cat.jpg", "cat", 7)
    assert code == 0


async def send(cluster: Instance, directory: Path, *arguments: str) -> tuple[list[dict[str, Any]], int]:
    """Run the command in `directory`; return what it says of each photo, and its exit code."""
    kafka = {name: value for name, value in cluster.environment().items() if "_KAFKA_" in name}
    path = {"PYTHONPATH": f"{REPOSITORY / 'client'}{os.pathsep}{REPOSITORY / 'common'}"}
    topics = zip(("input", "output", "dead-letter"), TOPICS, strict=True)
    options = [*(f"--{role}-topic={name}" for role, name in topics), "--max-image-bytes=10485760"]
    done = await asyncio.to_thread(
        subprocess.run,
        [
            sys.executable,
            "-m",
            "catdog_client",
            *options,
            "send",
            f"--timeout={PATIENCE_SECONDS}",
            "--output=json",
            *arguments,
        ],
        env=environment(path | kafka),
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE_SECONDS,
        check=False,
    )
    assert done.stderr == ""
    return [json.loads(line) for line in done.stdout.splitlines()], done.returncode


def answer_to(record: Any) -> dict[str, Any]:  # noqa: ANN401 - an aiokafka.ConsumerRecord, which is not typed
    """Return what a worker would answer to a record."""
    return {
        "id": dict(record.headers)["id"].decode(),
        "label": "cat",
        "probabilities": {"cat": 0.9, "dog": 0.1},
        "model": {"name": "send-test", "version": 7},
        "source": {"topic": record.topic, "partition": record.partition, "offset": record.offset},
    }
