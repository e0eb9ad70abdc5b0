"""The scene: a model with two workers and a Kafka of its own, which may be struck in any way."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.cluster.instance import Instance
from tests.cluster.strimzi.kube import connect, read_kubeconfig
from tests.e2e.claims import SAMPLE_HASH, make_claim
from tests.e2e.kafka_clusters import EXTERNAL, MUTUAL_TLS, PERSISTENT, external_address, make_kafka
from tests.e2e.models import NAMESPACE, Model
from tests.e2e.serving.books import Books, open_books
from tests.e2e.serving.scene import BATCH, NAME, PARTITIONS, WORKERS, Scene
from tests.e2e.serving.small_disk import small_disk
from tests.e2e.sizes import Topics
from tests.tiny_version import publish_tiny_version


@pytest.fixture(scope="package")
def disk(cluster: Instance) -> Iterator[Path]:
    """Give the directory of the disk on which the broker is to write."""
    claim = f"data-{NAME}-{NAME}-pool-0"
    with small_disk(cluster, claim, size="1g") as directory:
        yield directory
    cluster.kubectl("delete", "pvc", claim, "-n", NAMESPACE)


@pytest.fixture(scope="package")
def model(cluster: Instance, disk: Path) -> Iterator[Model]:  # noqa: ARG001 - the broker finds it by its name
    """Give a model of two versions, the first of which two workers serve."""
    make_claim(cluster, NAME, fill=_publish_two)
    make_kafka(cluster, NAME, MUTUAL_TLS, EXTERNAL, super_users=("ANONYMOUS",), storage=PERSISTENT)
    model = Model(cluster, NAME)
    model.apply(
        {
            "training": {"dataset": {"sample": {}}},
            "storage": {"existingClaim": NAME},
            "inference": {"replicas": WORKERS, "maxBatchSize": BATCH, "modelVersion": 1},
            "kafka": {"strimzi": {"name": NAME}, "topics": {"input": {"partitions": PARTITIONS}}},
        }
    )
    model.await_ready(version=1)
    yield model
    model.delete()
    for kind in ("kafkatopic", "kafkauser"):
        cluster.kubectl("delete", kind, "-n", NAMESPACE, "-l", f"strimzi.io/cluster={NAME}")
    for kind in ("kafka", "kafkanodepool"):
        cluster.kubectl("delete", kind, "-n", NAMESPACE, "-l", f"catdog.dev/test={NAME}")
    broker = f"strimzi.io/cluster={NAME}"
    cluster.kubectl("wait", "pod", "-n", NAMESPACE, "-l", broker, "--for=delete", "--timeout=240s")
    cluster.kubectl("delete", "pvc", NAME, "-n", NAMESPACE)


def _publish_two(directory: Path) -> None:
    for version in (1, 2):
        publish_tiny_version(directory, NAME, version, training_hash=SAMPLE_HASH)
    for path in directory.rglob("*"):
        path.chmod(0o2775 if path.is_dir() else 0o664)


@pytest_asyncio.fixture
async def scene(cluster: Instance, model: Model, disk: Path) -> AsyncIterator[Scene]:
    """Give the scene, as calm as at its beginning."""
    model.patch({"inference": {"replicas": WORKERS, "modelVersion": 1}})
    model.await_ready(version=1)
    topics = Topics({"bootstrap_servers": external_address(cluster, NAME)}, NAME)
    async with connect(read_kubeconfig(cluster.kubeconfig)) as kube:
        yield Scene(model, kube, topics, disk)


@pytest_asyncio.fixture
async def books(scene: Scene) -> AsyncIterator[Books]:
    """Give the books of what is sent to the scene's model."""
    async with open_books(scene.topics) as opened:
        yield opened
