"""While another version is rolled out, no partition waits for long."""

import asyncio
import itertools
from time import time

from tests.e2e.serving.books import Books, Outcome
from tests.e2e.serving.scene import PARTITIONS, Scene
from tests.tiny_version import picture

PER_SECOND = 10  # records, in each partition
# After which a group goes on without a member that has not said that it leaves.
SESSION_SECONDS = 10.0
CALM_SECONDS = 5.0
ROLLS = 3  # at most: the machine may be busy with other things for a moment


async def test_no_partition_waits_long_for_another_version(
    scene: Scene, books: Books, figures: list[str]
) -> None:
    stop = asyncio.Event()
    sending = asyncio.create_task(send_steadily(books, stop))
    await books.await_outcomes(PARTITIONS * PER_SECOND)
    calm_from = time()
    await asyncio.sleep(CALM_SECONDS)  # to measure by
    calm = longest_gap(books, calm_from, time())
    for version in itertools.islice(itertools.cycle((2, 1)), ROLLS):
        rolling = await roll_out(scene, books, version)
        if rolling < SESSION_SECONDS:
            break
    stop.set()
    await sending
    await scene.settle(books)
    versions = [outcome.version for outcome in in_order(books)]
    assert set(versions) == {1, 2}
    assert versions[-1] == version
    figures.append(
        f"rolling to another version: the longest gap of a partition {rolling:.2f} s, before {calm:.2f} s; "
        f"{books.told()}"
    )
    assert rolling < SESSION_SECONDS
    assert books.again_by_fault == 0


async def roll_out(scene: Scene, books: Books, version: int) -> float:
    """Roll out another version; return the longest time that a partition had no answer meanwhile."""
    began = time()
    await asyncio.to_thread(scene.model.patch, {"inference": {"modelVersion": version}})
    await scene.await_ready(version)
    await books.await_outcomes(PARTITIONS * PER_SECOND)
    return longest_gap(books, began, time())


async def send_steadily(books: Books, stop: asyncio.Event) -> None:
    """Send pictures to each partition in turn until stopped."""
    image = picture("blue")
    async with asyncio.TaskGroup() as sendings:
        for number in itertools.count():
            sendings.create_task(books.send([image], partition=number % PARTITIONS))
            await asyncio.sleep(1 / (PARTITIONS * PER_SECOND))  # the pace
            if stop.is_set():
                break


def in_order(books: Books) -> list[Outcome]:
    """Return all outcomes by the time of their writing."""
    return sorted(
        (each for outcomes in books.outcomes.values() for each in outcomes), key=lambda each: each.at
    )


def longest_gap(books: Books, begin: float, end: float) -> float:
    """Return the longest time, in seconds, for which a partition had no answer."""
    gaps = [0.0]
    for partition in range(PARTITIONS):
        times = [each.at for each in in_order(books) if each.position.split("/")[1] == str(partition)]
        within = [begin, *(each for each in times if begin <= each <= end), end]
        gaps += [later - earlier for earlier, later in itertools.pairwise(within)]
    return max(gaps)
