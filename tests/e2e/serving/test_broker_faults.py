"""The broker is killed, cut off, slow, or takes no answers, while workers have records in hand."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.cluster.waiting import PATIENCE_SECONDS
from tests.e2e.brokers import await_restarts, await_revived, broker_pods, kill
from tests.e2e.models import NAMESPACE
from tests.e2e.processes import process_in_pod
from tests.e2e.serving.books import Books
from tests.e2e.serving.network import cut_off, slow
from tests.e2e.serving.scene import BATCH, IN_FLIGHT, NAME, WORKERS, Scene, metric
from tests.e2e.serving.small_disk import empty, fill
from tests.e2e.strimzi import eventually

CUT_OFF_SECONDS = 60
SLOW_SECONDS = 30

Fault = Callable[[Scene], Awaitable[None]]


async def killed(scene: Scene) -> None:
    """Let the broker end without a word, and come back."""
    [(pod, uid)] = (await broker_pods(scene.kube, NAME)).items()
    starts = await restarts_of(scene, pod)
    await scene.busy_worker()
    kill(uid)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await await_revived(scene.kube, pod, starts + 1)


async def out_of_room(scene: Scene) -> None:
    """Fill the broker's disk until it gives up, and give it room again."""
    [pod] = await broker_pods(scene.kube, NAME)
    starts, cluster = await restarts_of(scene, pod), scene.model.cluster
    await scene.busy_worker()
    await asyncio.to_thread(fill, cluster, scene.disk)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await await_restarts(scene.kube, pod, starts + 1)
    finally:
        await asyncio.to_thread(empty, cluster, scene.disk)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await await_revived(scene.kube, pod, starts + 1)


async def cut_off_for_a_minute(scene: Scene) -> None:
    """Let nothing of the workers' reach the broker."""
    [uid] = (await broker_pods(scene.kube, NAME)).values()
    addresses = [pod["status"]["podIP"] for pod in await scene.workers()]
    await scene.busy_worker()
    with cut_off(process_in_pod(uid, "java"), addresses):
        await asyncio.sleep(CUT_OFF_SECONDS)  # this is the fault


async def slow_for_a_while(scene: Scene) -> None:
    """Have the broker send 64 kB a second, to all together."""
    [uid] = (await broker_pods(scene.kube, NAME)).values()
    await scene.busy_worker()
    with slow(process_in_pod(uid, "java"), "512kbit"):
        await asyncio.sleep(SLOW_SECONDS)  # this is the fault


async def deaf_to_answers(scene: Scene) -> None:
    """Take away the right to write answers, and let the operator give it back."""
    await asyncio.to_thread(scene.model.patch, {"paused": True})
    [user] = await asyncio.to_thread(scene.model.children, "kafkausers")
    kept = [each for each in user["spec"]["authorization"]["acls"] if not is_of(each, scene.topics.answers)]
    await scene.busy_worker()
    await scene.kube.merge(user, {"spec": {"authorization": {"acls": kept}}})

    async def is_refused() -> bool:
        return any([await metric(pod, "catdog_produce_failures") for pod in await scene.workers()])

    await eventually(is_refused, "answers are refused")
    await asyncio.to_thread(scene.model.patch, {"paused": False})


FAULTS = (killed, out_of_room, cut_off_for_a_minute, slow_for_a_while, deaf_to_answers)
QUICK = (killed,)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(fault, id=fault.__name__, marks=[] if fault in QUICK else pytest.mark.soak)
        for fault in FAULTS
    ],
)
async def test_no_record_is_lost_and_no_worker_restarted(
    scene: Scene, books: Books, figures: list[str], fault: Fault
) -> None:
    before = await asyncio.to_thread(scene.model.restarts)
    async with scene.load(books):
        await fault(scene)
        await books.await_outcomes(100)
    await scene.settle(books)
    bound = WORKERS * (IN_FLIGHT + BATCH)  # and a batch that was written, of which nobody heard
    figures.append(f"the broker {fault.__name__}: {books.told()}, at most {bound}")
    assert books.again_by_fault <= bound
    assert await asyncio.to_thread(scene.model.restarts) == before


def is_of(rule: dict[str, dict[str, str]], topic: str) -> bool:
    return rule["resource"]["name"] == topic


async def restarts_of(scene: Scene, pod: str) -> int:
    """Return how often a pod's container was started anew."""
    found = await scene.kube.get("Pod", NAMESPACE, pod)
    assert found is not None
    return int(found["status"]["containerStatuses"][0]["restartCount"])
