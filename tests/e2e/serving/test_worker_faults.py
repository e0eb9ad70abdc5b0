"""Workers are killed, ended, stopped, replaced, scaled and confused while they have records in hand."""

import asyncio
import signal
from collections.abc import Awaitable, Callable

import pytest

from tests.e2e.kafka_clients import consuming
from tests.e2e.models import NAMESPACE
from tests.e2e.serving.books import Books
from tests.e2e.serving.scene import IN_FLIGHT, PICTURES, Scene, signal_worker
from tests.e2e.sizes import noise, picture_of

IMAGE_BYTES = 10 * 1024 * 1024  # the default of maxImageBytes
JOINERS = 6

Fault = Callable[[Scene], Awaitable[None]]


async def killed(scene: Scene) -> None:
    """Let a worker end without a word."""
    victim = await scene.busy_worker()
    signal_worker(victim, signal.SIGKILL)


async def ended(scene: Scene) -> None:
    """Take a pod away, as a drain of its node does."""
    victim = await scene.busy_worker()
    await scene.kubectl("delete", "pod", victim["metadata"]["name"], "-n", NAMESPACE)
    await scene.await_ready(version=1)


async def rolled(scene: Scene) -> None:
    """Roll out another version."""
    await scene.busy_worker()
    await asyncio.to_thread(scene.model.patch, {"inference": {"modelVersion": 2}})
    await scene.await_ready(version=2)


async def scaled(scene: Scene) -> None:
    """Scale from two to one, to six, and to two."""
    for replicas in (1, 6, 2):
        await scene.busy_worker()
        await scene.scale(replicas)
        await scene.await_members(replicas)


async def scaled_to_zero(scene: Scene) -> None:
    """Scale to none and back."""
    await scene.busy_worker()
    await scene.scale(0)
    await scene.await_members(0)
    await scene.scale(2)
    await scene.await_members(2)


async def stopped(scene: Scene) -> None:
    """Stop a worker until the group goes on without it, and wake it."""
    victim = await scene.busy_worker()
    signal_worker(victim, signal.SIGSTOP)
    try:
        await scene.await_members(1)
    finally:
        signal_worker(victim, signal.SIGCONT)
    await scene.await_members(2)


async def storm(scene: Scene) -> None:
    """Let strangers join the group and leave it again."""
    before = await scene.rebalances()
    for _ in range(JOINERS):
        await scene.busy_worker()
        joining = {"group_id": scene.group, "enable_auto_commit": False}
        async with consuming(scene.topics.images, **scene.topics.connection, **joining):
            pass
    await scene.await_members(2)
    assert await scene.rebalances() >= before + JOINERS


FAULTS: list[tuple[Fault, int]] = [
    (killed, IN_FLIGHT),
    (ended, 0),
    (rolled, 0),
    (scaled, 0),
    (scaled_to_zero, 0),
    (stopped, IN_FLIGHT),
    (storm, 0),
]
QUICK = (killed, ended, rolled)


@pytest.mark.parametrize(
    ("fault", "bound"),
    [
        pytest.param(fault, bound, id=fault.__name__, marks=[] if fault in QUICK else pytest.mark.soak)
        for fault, bound in FAULTS
    ],
)
async def test_no_record_is_lost(
    scene: Scene, books: Books, figures: list[str], fault: Fault, bound: int
) -> None:
    async with scene.load(books):
        await fault(scene)
        await books.await_outcomes(1)
    await scene.settle(books)
    figures.append(f"{fault.__name__}: {books.told()}, at most {bound}")
    assert books.again_by_fault <= bound


@pytest.mark.soak
@pytest.mark.parametrize(
    "values",
    [
        pytest.param([noise(IMAGE_BYTES), picture_of(IMAGE_BYTES)] * 4, id="of the size that is allowed"),
        pytest.param([b"no image"] * 1000, id="that are no images"),
        pytest.param([PICTURES[0], b"no image", b""] * 100, id="of which few are images"),
    ],
)
async def test_no_record_is_lost_of_those(
    scene: Scene, books: Books, figures: list[str], values: list[bytes], request: pytest.FixtureRequest
) -> None:
    async with scene.load(books, values):
        await killed(scene)
        await books.await_outcomes(1)
    await scene.settle(books)
    figures.append(f"killed over records {request.node.callspec.id}: {books.told()}, at most {IN_FLIGHT}")
    assert books.again_by_fault <= IN_FLIGHT
