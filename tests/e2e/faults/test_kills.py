"""Wherever in the life of a resource the operator is killed: the end is the same."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cluster.instance import Instance
from tests.cluster.strimzi.kube import connect, read_kubeconfig
from tests.e2e.faults.claims import versions_on
from tests.e2e.faults.lane import lane
from tests.e2e.faults.life import Life, Story, remove
from tests.e2e.faults.proxy import Moment, Write
from tests.e2e.faults.world import seen_by


@dataclass(frozen=True)
class Undisturbed:
    """A life in which nothing happened to the operator."""

    story: Story
    writes: tuple[Write, ...]
    jobs: int
    trained: Path  # its versions


@dataclass(frozen=True)
class Kill:
    """The operator's end at its n-th write."""

    n: int
    moment: Moment

    @property
    def model(self) -> str:
        return f"life-{self.moment.value[0]}{self.n}"


@pytest.fixture(scope="module")
def undisturbed(bare_cluster: Instance, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    return asyncio.run(live_undisturbed(bare_cluster, tmp_path_factory.mktemp("undisturbed")))


def test_one(bare_cluster: Instance, undisturbed: Undisturbed, tmp_path: Path) -> None:
    asyncio.run(live_with(bare_cluster, undisturbed, Kill(5, Moment.AFTER), tmp_path))


async def live_undisturbed(cluster: Instance, directory: Path) -> Undisturbed:
    async with alive(cluster, directory, "life-0") as life:
        story = await life.live()
        trained = shutil.copytree(versions_on(life.storage), directory / "versions")
        life.lane.assert_only_killed()
        return Undisturbed(story, tuple(life.lane.proxy.writes), life.world.jobs("life-0"), trained)


async def live_with(cluster: Instance, undisturbed: Undisturbed, kill: Kill, directory: Path) -> None:
    async with alive(cluster, directory, kill.model, undisturbed.trained) as life:
        life.lane.strike_at(kill.n, kill.moment)
        await life.live(undisturbed.story)
        life.lane.assert_only_killed()
        assert life.lane.proxy.struck.is_set()
        assert life.world.jobs(kill.model) <= undisturbed.jobs
        assert life.world.jobs_at_once(kill.model) == 1


@asynccontextmanager
async def alive(
    cluster: Instance, directory: Path, model: str, trained: Path | None = None
) -> AsyncIterator[Life]:
    async with (
        connect(read_kubeconfig(cluster.kubeconfig)) as kube,
        seen_by(kube) as world,
        lane(cluster, directory, model) as opened,
    ):
        try:
            yield Life(kube, world, opened, model, trained)
        finally:
            await remove(kube, world, model)
