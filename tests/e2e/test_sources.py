"""The same photos and seed give the same model from every source, whatever else lies among the photos.

The photos are those in the trainer's image, copied from it onto a claim, and by `catdog upload` into a bucket
and a topic. Among these three, and only there, lies what is no photo.
"""

import asyncio
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete

from tests.cluster.instance import Instance
from tests.demo.photo_sets import LabelledPhoto
from tests.e2e.claims import make_claim
from tests.e2e.failures.rows import described
from tests.e2e.kafka import settings, upload
from tests.e2e.kafka_clients import administering, consuming, producing
from tests.e2e.models import NAMESPACE, Model
from tests.e2e.s3 import SECRET, s3_server
from tests.e2e.strimzi import Client, kafka_topic, kafka_user
from tests.e2e.test_s3 import bucket_of, credentials, lay_out, make_secret, spec_of
from tests.e2e.test_trainer_image import build_pod
from tests.e2e.trunks import lay_trunk
from tests.poison import poison

TOPIC, CLEANER = "sources-test-photos", "sources-test-cleaner"
CLAIM, PHOTOS = "source-models", "source-photos"
SECONDS = 600
CODECS = ("gzip", "snappy", "lz4", "zstd")
BOMB_BYTES = 300_000_000  # of zeros, more than a trainer unfolds
NO_PHOTO = {
    "no value": (None, [("label", b"cat")]),
    "no label": (b"a cat", []),
    "label horse": (b"a horse", [("label", b"horse")]),
    "split test": (b"a cat", [("label", b"cat"), ("split", b"test")]),
    "label catcatcatcatcatcatca…": (b"a cat", [("label", 200_000 * b"cat")]),
}


@dataclass(frozen=True)
class Version:
    """A version on the claim."""

    directory: Path

    @property
    def told(self) -> dict[str, Any]:
        """What `model.json` says."""
        content: dict[str, Any] = json.loads((self.directory / "model.json").read_bytes())
        return content

    @property
    def provenance(self) -> dict[str, Any]:
        """Where its photos came from."""
        provenance: dict[str, Any] = self.told["provenance"]
        return provenance

    @property
    def learnt(self) -> dict[str, str]:
        """Digests of the photos, the trunk and the head."""
        head = json.dumps(self.told["head"], sort_keys=True).encode()
        trunk = (self.directory / "trunk.tflite").read_bytes()
        return {
            "photos": self.provenance["digest"],
            "trunk": hashlib.sha256(trunk).hexdigest(),
            "head": hashlib.sha256(head).hexdigest(),
        }


@dataclass(frozen=True)
class Sources:
    """Where the photos are, and the models that learn from each."""

    claim: Path  # of the versions
    photos: Path
    poison: int  # files among the photos that are none
    models: dict[str, Model]

    def version(self, name: str, number: int = 1) -> Version:
        """Return a version of a model, when it is there."""
        self.models[name].await_status(
            lambda status: number in [each["version"] for each in status.get("versions", [])],
            f"version {number} is there",
            SECONDS,
        )
        return Version(self.claim / name / "versions" / str(number))


@pytest.fixture(scope="module")
def sources(cluster: Instance, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sources]:
    """Give the image's photos on a claim, in a bucket and in a topic, and a model on each."""
    claim, photos = make_claim(cluster, CLAIM), make_claim(cluster, PHOTOS) / "data"
    for name in ("on-claim", "on-bucket"):  # the others make that very trunk
        lay_trunk(cluster, claim, name)
    copy_sample(cluster)
    count = add_poison(photos)
    make_topic(cluster)
    asyncio.run(send_records_without_photos(cluster, photos))
    with s3_server(cluster, tmp_path_factory.mktemp("s3")) as s3:
        s3.make_bucket("photos")
        s3.upload(photos, "photos", "data")
        assert upload(cluster, photos, TOPIC).returncode == 0
        add_what_leads_out(photos)
        make_secret(cluster, "photos-s3", credentials(SECRET))
        make_secret(cluster, "rgw-ca", {"ca.crt": s3.ca_file.read_text()})
        datasets: dict[str, Any] = {
            "sample": {"sample": {}},
            "claim": {"persistentVolumeClaim": {"claimName": PHOTOS, "path": "data"}},
            "bucket": {"s3": bucket_of(s3, prefix="data")},
            "topic": {"kafka": {"topic": TOPIC}},
        }
        models = {name: Model(cluster, f"on-{name}") for name in datasets}
        sources = Sources(claim, photos, count, {model.name: model for model in models.values()})
        for name, model in models.items():
            model.apply(spec_of(datasets[name], CLAIM))
            if name in ("claim", "topic"):  # no more than two trainings at a time
                for done in list(models.values())[: list(models).index(name) + 1]:
                    sources.version(done.name)
        yield sources
        for model in models.values():
            model.delete()
    cluster.kubectl("delete", "secret", "photos-s3", "rgw-ca", "-n", NAMESPACE)
    cluster.kubectl("delete", f"kafkatopic/{TOPIC}", f"kafkauser/{CLEANER}", "-n", NAMESPACE)


def test_the_same_photos_and_seed_give_the_same_head_from_every_source(sources: Sources) -> None:
    learnt = {name: sources.version(name).learnt for name in sources.models}
    assert len(learnt) == 4
    assert set(map(str, learnt.values())) == {str(learnt["on-sample"])}, learnt


def test_what_is_no_photo_is_counted_and_named_from_every_source(sources: Sources) -> None:
    told = {name: sources.version(name).provenance for name in sources.models}
    counts = {name: each["unreadablePhotos"] for name, each in told.items()}
    assert counts == {
        "on-sample": 0,
        "on-bucket": sources.poison,
        "on-claim": sources.poison + 3,
        "on-topic": sources.poison + len(NO_PHOTO) + 1,
    }
    names = set(told["on-bucket"]["unreadable"])
    assert "training/cat/猫🐈/a PNG of 30000 × 30000.jpg" in names
    assert "training/dog/cat.jpg/a PNG that says 30000 × 30000.jpg" in names
    led_out = {f"training/cat/{name}" for name in ("out.jpg", "out", "pipe.jpg")}
    assert set(told["on-claim"]["unreadable"]) == names | led_out
    of_records = [name.partition(" (")[2] for name in told["on-topic"]["unreadable"]]
    too_large = "in a compressed batch that is too large, or damaged"
    assert {name[:-1] for name in of_records if name} == {*NO_PHOTO, too_large}
    assert told["on-topic"]["copies"] == len(CODECS)


def test_the_recorded_offsets_give_the_same_model_again_whatever_came_since(
    cluster: Instance, sources: Sources, drawings: list[LabelledPhoto], tmp_path: Path
) -> None:
    first = sources.version("on-topic")
    lay_out(drawings, tmp_path)
    assert upload(cluster, tmp_path, TOPIC).returncode == 0
    offsets = first.provenance["offsets"]
    sources.models["on-topic"].patch({"training": {"dataset": {"kafka": {"offsets": offsets}}}})
    again = sources.version("on-topic", 2)
    assert again.learnt == first.learnt
    assert again.provenance == first.provenance
    assert again.told["hash"] != first.told["hash"]


def test_offsets_that_the_topic_no_longer_has_are_told_and_wait_for_an_edit(
    cluster: Instance, sources: Sources, failures: list[str], tmp_path: Path
) -> None:
    model, first = sources.models["on-topic"], sources.version("on-topic")
    offsets, end = first.provenance["offsets"], first.provenance["offsets"][1]["end"]
    asyncio.run(remove_records(cluster, tmp_path, partition=1, before=5))
    latest = asyncio.run(end_of(cluster, partition=1))
    model.patch({"training": {"revision": "after they went"}})
    message = (
        f"spec.training.dataset.kafka.offsets asks for offsets 0 to {end - 1} of partition 1 of topic "
        f"{TOPIC}, and it has offsets 5 to {latest - 1}; name others, or none to train on the newest records"
    )
    status = model.await_condition("Trained", ("False", "OffsetsNotFound", message))
    assert "nextAttemptTime" not in status["lastFailure"]
    failures.append(
        described("records that are asked for removed", "Trained", status, "by an edit of the offsets")
    )
    offsets[1]["start"] = 5
    model.patch({"training": {"dataset": {"kafka": {"offsets": offsets}}}})
    model.await_photos_read()


def copy_sample(cluster: Instance) -> None:
    """Copy the photos in the trainer's image onto the photos' claim."""
    copy = "import shutil; shutil.copytree('/opt/catdog/sample', '/photos/data')"
    pod: Any = build_pod(cluster.images["catdog-trainer"], checks="")
    pod["metadata"] = {"name": "photo-loader", "namespace": NAMESPACE}
    [container] = pod["spec"]["containers"]
    container["command"] = ["/opt/venv/bin/python3", "-c", copy]
    container["volumeMounts"] = [{"name": "photos", "mountPath": "/photos"}]
    pod["spec"]["volumes"] = [{"name": "photos", "persistentVolumeClaim": {"claimName": PHOTOS}}]
    cluster.kubectl("apply", "-f", "-", input=json.dumps(pod))
    done = ("--for=jsonpath={.status.phase}=Succeeded", "--timeout=240s")
    cluster.kubectl("wait", "pod/photo-loader", "-n", NAMESPACE, *done)
    cluster.kubectl("delete", "pod/photo-loader", "-n", NAMESPACE)


def add_poison(photos: Path) -> int:
    """Put what is no photo among the photos, under names in any script; return how many files."""
    refused = {name: data for name, (data, reason) in poison().items() if reason is not None}
    folders = photos / "training" / "cat" / "猫🐈", photos / "training" / "dog" / "cat.jpg"
    for folder in folders:
        folder.mkdir()
    for number, (name, data) in enumerate(refused.items()):
        (folders[number % 2] / f"{name}.jpg").write_bytes(data)
    return len(refused)


def add_what_leads_out(photos: Path) -> None:
    """Add links out of the photos' folder, and a pipe: these can be on a claim alone."""
    secret = photos.parent / "secret"
    secret.mkdir()
    good = next((photos / "training" / "dog").glob("dog-*.jpg"))
    (secret / "dog.jpg").write_bytes(good.read_bytes() + b"\0")  # as a cat it would show in the head
    (photos / "training" / "cat" / "out.jpg").symlink_to("../../../secret/dog.jpg")
    (photos / "training" / "cat" / "out").symlink_to("../../../secret")
    os.mkfifo(photos / "training" / "cat" / "pipe.jpg")


def make_topic(cluster: Instance) -> None:
    """Make the topic of photos, and who may remove records of it."""
    for each in (kafka_topic(TOPIC, partitions=2, replicas=1), kafka_user(CLEANER, TOPIC, ("Delete",))):
        cluster.kubectl("apply", "-f", "-", input=json.dumps(each))
    for kind, name in (("kafkatopic", TOPIC), ("kafkauser", CLEANER)):
        cluster.kubectl("wait", f"{kind}/{name}", "-n", NAMESPACE, "--for=condition=Ready", "--timeout=240s")


async def send_records_without_photos(cluster: Instance, photos: Path) -> None:
    """Send what has no photo or no label, a batch that unfolds to too much, and copies by every codec."""
    async with producing(**settings(cluster), max_request_size=2**20) as producer:
        for value, headers in NO_PHOTO.values():
            await producer.send_and_wait(TOPIC, value, key=b"bad", headers=headers, partition=1)
    large = {"max_request_size": 2**30, "compression_type": "zstd"}
    async with producing(**settings(cluster), **large) as producer:
        await producer.send_and_wait(TOPIC, bytes(BOMB_BYTES), headers=[("label", b"cat")], partition=0)
    photo = min((photos / "training" / "cat").glob("cat-*.jpg"))
    headers = [("label", b"cat"), ("split", b"training")]
    for codec in CODECS:
        async with producing(**settings(cluster), compression_type=codec) as producer:
            await producer.send_and_wait(TOPIC, photo.read_bytes(), headers=headers, partition=1)


async def remove_records(cluster: Instance, directory: Path, partition: int, before: int) -> None:
    """Remove the first records of a partition, as retention does."""
    cleaner = await Client.of_user(cluster.kubeconfig, CLEANER, directory)
    async with administering(**cleaner.settings()) as admin:
        await admin.delete_records({TopicPartition(TOPIC, partition): RecordsToDelete(before_offset=before)})


async def end_of(cluster: Instance, partition: int) -> int:
    """Return the offset that a partition's next record has."""
    at = TopicPartition(TOPIC, partition)
    async with consuming(**settings(cluster)) as consumer:
        ends = await consumer.end_offsets([at])
    return int(ends[at])
