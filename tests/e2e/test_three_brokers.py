"""Three brokers are restarted one after another under load, and every picture is answered."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.cluster.instance import Instance
from tests.cluster.strimzi.admins import Admins
from tests.cluster.strimzi.kafka_admin import KafkaAdmin
from tests.cluster.strimzi.kube import Kube, connect, read_kubeconfig
from tests.e2e.brokers import Absence, ask_for_restart, broker_pods, restarts
from tests.e2e.claims import make_claim
from tests.e2e.kafka_clusters import EXTERNAL, MUTUAL_TLS, external_address, make_kafka
from tests.e2e.load import answers_to, steady_load
from tests.e2e.models import NAMESPACE, Model
from tests.e2e.test_upgrade import SAMPLE_HASH
from tests.tiny_version import publish_tiny_version

KAFKA = "trio"
NAME = "replicated"
TOPICS = {name: {"partitions": 3, "replicas": 3} for name in ("input", "output", "deadLetters")}
IMAGES, ANSWERS = f"{NAME}-images", f"{NAME}-predictions"
WORKERS = 2
FLOWING = 50  # records after which a stream is under way


@pytest.fixture(scope="module")
def model(cluster: Instance) -> Iterator[Model]:
    """Give a model that is served by two workers, from topics with three replicas."""
    make_kafka(cluster, KAFKA, MUTUAL_TLS, EXTERNAL, super_users=("ANONYMOUS",), brokers=3)
    make_claim(cluster, NAME, fill=publish)
    model = Model(cluster, NAME)
    model.apply(
        {
            "training": {"dataset": {"sample": {}}},
            "storage": {"existingClaim": NAME},
            "inference": {"replicas": WORKERS},
            "kafka": {"strimzi": {"name": KAFKA}, "topics": TOPICS},
        }
    )
    model.await_ready(version=1)
    yield model
    model.delete()
    cluster.kubectl("delete", "kafkatopic", "-n", NAMESPACE, "-l", f"strimzi.io/cluster={KAFKA}")
    for kind in ("kafka", "kafkanodepool"):
        cluster.kubectl("delete", kind, "-n", NAMESPACE, "-l", f"catdog.dev/test={KAFKA}")


@pytest_asyncio.fixture
async def kube(cluster: Instance) -> AsyncIterator[Kube]:
    """Give the cluster's API."""
    async with connect(read_kubeconfig(cluster.kubeconfig)) as connection:
        yield connection


@pytest.mark.usefixtures("model")
async def test_a_topic_of_three_replicas_asks_for_two_in_sync(kube: Kube) -> None:
    found = [each for each in await (await admin_of(kube)).partitions() if each.topic.startswith(NAME)]
    assert len(found) == 9
    assert {(len(each.replicas), each.min_in_sync) for each in found} == {(3, 2)}


async def test_every_picture_is_answered_while_each_broker_is_restarted(
    cluster: Instance, model: Model, kube: Kube, figures: list[str]
) -> None:
    servers = await asyncio.to_thread(external_address, cluster, KAFKA)
    workers, brokers = lives(model), await broker_pods(kube, KAFKA)
    async with steady_load(servers, IMAGES) as load:
        await load.await_more(FLOWING)
        await asyncio.to_thread(ask_for_restart, cluster, brokers)
        async with asyncio.timeout(240):
            absences = [absence async for absence in restarts(kube, brokers)]
        await load.await_more(FLOWING)
    answered = await answers_to(servers, ANSWERS, set(load.sent))
    assert answered.keys() == set(load.sent)
    for absence in absences:
        assert load.partitions_between(absence.begin, absence.end) == {0, 1, 2}, absence
    assert is_one_after_another(absences)
    assert (await broker_pods(kube, KAFKA)).keys() == brokers.keys()
    assert lives(model) == workers
    figures.append(told(answered.total() - len(answered), len(load.sent), absences))


async def admin_of(kube: Kube) -> KafkaAdmin:
    """Return a connection to the Kafka, by which it says how it is."""
    admin = await Admins(kube).connect(NAMESPACE, KAFKA)
    assert admin is not None
    return admin


def lives(model: Model) -> dict[str, int]:
    """Return the workers' pods, and how often each was restarted."""
    return {
        pod["metadata"]["uid"]: pod["status"]["containerStatuses"][0]["restartCount"]
        for pod in model.children("pods")
    }


def is_one_after_another(absences: list[Absence]) -> bool:
    """Whether each broker was back before the next one went."""
    return all(former.end <= latter.begin for former, latter in itertools.pairwise(absences))


def told(twice: int, sent: int, absences: list[Absence]) -> str:
    """Return what a rolling restart came to."""
    away = ", ".join(f"{each.end - each.begin:.0f} s" for each in absences)
    return f"restart of three brokers: {sent} pictures answered, {twice} more than once; brokers away {away}"


def publish(directory: Path) -> None:
    """Publish a version as if the training of the sample had."""
    publish_tiny_version(directory, NAME, training_hash=SAMPLE_HASH)
    for path in directory.rglob("*"):
        path.chmod(0o2775 if path.is_dir() else 0o664)
