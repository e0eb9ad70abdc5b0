"""Of three brokers each is restarted or killed under load, and every picture is answered."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.cluster.instance import Instance
from tests.cluster.strimzi.admins import Admins
from tests.cluster.strimzi.kafka_admin import KafkaAdmin
from tests.cluster.strimzi.kube import Kube, connect, read_kubeconfig
from tests.cluster.waiting import PATIENCE_SECONDS
from tests.e2e.brokers import Absence, ask_for_restart, await_revived, broker_pods, kill, restarts
from tests.e2e.claims import claim_with_versions, served_from
from tests.e2e.kafka_clusters import EXTERNAL, MUTUAL_TLS, external_address, make_kafka
from tests.e2e.load import Load, answers_to, steady_load
from tests.e2e.models import NAMESPACE, Model

# Three brokers take half a minute to come; that one goes and comes back is tried in tests/e2e/serving.
pytestmark = pytest.mark.soak

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
    claim_with_versions(cluster, NAME, NAME)
    model = Model(cluster, NAME)
    spec = served_from(NAME, {"strimzi": {"name": KAFKA}, "topics": TOPICS})
    model.apply(spec | {"inference": {"replicas": WORKERS}})
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


@pytest.mark.parametrize("restarted", [1, 3])
async def test_every_picture_is_answered_while_brokers_are_restarted(
    cluster: Instance, model: Model, kube: Kube, figures: list[str], restarted: int
) -> None:
    servers = await asyncio.to_thread(external_address, cluster, KAFKA)
    workers, brokers = model.restarts(), await broker_pods(kube, KAFKA)
    chosen = dict(sorted(brokers.items())[:restarted])
    async with steady_load(servers, IMAGES) as load:
        await load.await_more(FLOWING)
        await asyncio.to_thread(ask_for_restart, cluster, chosen)
        async with asyncio.timeout(PATIENCE_SECONDS * restarted):
            absences = [absence async for absence in restarts(kube, chosen)]
        await load.await_more(FLOWING)
    for absence in absences:
        assert load.partitions_between(absence.begin, absence.end) == {0, 1, 2}, absence
    assert is_one_after_another(absences)
    left_alone = brokers.items() - chosen.items()
    assert (await broker_pods(kube, KAFKA)).items() & brokers.items() == left_alone
    twice = await answered_more_than_once(servers, load)
    assert model.restarts() == workers
    away = ", ".join(f"{each.end - each.begin:.0f} s" for each in absences)
    figures.append(f"{restarted} of three brokers restarted (away {away}): {told(load, twice)}")


async def test_every_picture_is_answered_when_a_broker_is_killed(
    cluster: Instance, model: Model, kube: Kube, figures: list[str]
) -> None:
    servers = await asyncio.to_thread(external_address, cluster, KAFKA)
    workers, brokers = model.restarts(), await broker_pods(kube, KAFKA)
    pod, uid = max(brokers.items())
    async with steady_load(servers, IMAGES) as load:
        await load.await_more(FLOWING)
        sent = len(load.sent)
        kill(uid)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await await_revived(kube, pod)
        assert len(load.sent) > sent
        await load.await_more(FLOWING)
    twice = await answered_more_than_once(servers, load)
    assert model.restarts() == workers
    figures.append(f"one of three brokers killed: {told(load, twice)}")


async def answered_more_than_once(servers: str, load: Load) -> int:
    """Hold that every id was answered; return how many answers were one too many."""
    answered = await answers_to(load, servers, ANSWERS)
    assert answered.keys() == set(load.sent)
    return answered.total() - len(answered)


def told(load: Load, twice: int) -> str:
    """Return what a load came to."""
    return f"{len(load.sent)} pictures answered, {twice} more than once"


async def admin_of(kube: Kube) -> KafkaAdmin:
    """Return a connection to the Kafka, by which it says how it is."""
    admin = await Admins(kube).connect(NAMESPACE, KAFKA)
    assert admin is not None
    return admin


def is_one_after_another(absences: list[Absence]) -> bool:
    """Whether each broker was back before the next one went."""
    return all(former.end <= latter.begin for former, latter in itertools.pairwise(absences))
