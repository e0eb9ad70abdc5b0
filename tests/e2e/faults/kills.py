"""Lives side by side, each with an operator of its own that is killed once."""

import asyncio
import logging
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from tests.cluster.audit import Entry, read_audit
from tests.cluster.instance import Instance
from tests.cluster.strimzi.kube import connect, read_kubeconfig
from tests.e2e.faults.claims import versions_on
from tests.e2e.faults.lane import lane
from tests.e2e.faults.life import Life, Story, cleared
from tests.e2e.faults.proxy import Moment, Write
from tests.e2e.faults.world import seen_by
from tests.e2e.trunks import lay_trunk

SIDE_BY_SIDE = 3

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Undisturbed:
    """A life in which nothing happened to the operator."""

    story: Story
    writes: tuple[Write, ...]
    audited: tuple[Entry, ...]  # the writes by the operator's account meanwhile
    jobs: int
    trained: Path  # its versions


@dataclass(frozen=True)
class Kill:
    """The operator's end at its n-th write."""

    n: int
    moment: Moment

    @property
    def model(self) -> str:
        """The name of the model whose life it happens in."""
        return f"life-{self.moment.value[0]}{self.n}"

    def __str__(self) -> str:
        return f"{self.moment.value} write {self.n}"


@dataclass(frozen=True)
class End:
    """What became of a life with a kill; `complaint` is empty where the end was as it should be."""

    kill: Kill
    struck: bool
    writes: tuple[Write, ...]
    complaint: str

    def __str__(self) -> str:
        writes = "\n".join(f"  {number}. {write}" for number, write in enumerate(self.writes, start=1))
        return f"killed {self.kill}:\n{self.complaint}\n{writes}"


async def live_undisturbed(cluster: Instance, directory: Path) -> Undisturbed:
    """Let a model live that trains for real."""
    began = datetime.now(UTC)
    async with _alive(cluster, directory, "life-0") as life:
        life.prepare = partial(lay_trunk, cluster, model=life.name)
        story = await life.live()
        trained = shutil.copytree(versions_on(life.storage), directory / "versions")
        life.lane.assert_only_killed()
        return Undisturbed(
            story,
            tuple(life.lane.proxy.writes),
            tuple(entry for entry in read_audit(cluster.layout.audit_log, began) if entry.is_write),
            life.world.jobs("life-0"),
            trained,
        )


async def live_with(
    cluster: Instance,
    undisturbed: Undisturbed,
    kills: list[Kill],
    directory: Path,
    train_every: int | None = None,
) -> list[End]:
    """Let a model live for each kill, some at a time.

    Trainers find what they should train; but those of kills at each `train_every`-th write train for real.
    """
    places = asyncio.Semaphore(SIDE_BY_SIDE)

    async def live(kill: Kill) -> End:
        trains = train_every is not None and kill.n % train_every == 0
        async with places:
            trained = None if trains else undisturbed.trained
            return await _live_with(cluster, undisturbed, kill, directory / kill.model, trained)

    return await asyncio.gather(*map(live, kills))


async def _live_with(
    cluster: Instance, undisturbed: Undisturbed, kill: Kill, directory: Path, trained: Path | None
) -> End:
    await asyncio.to_thread(directory.mkdir)
    async with _alive(cluster, directory, kill.model, trained) as life:
        life.lane.strike_at(kill.n, kill.moment)
        complaint = ""
        try:
            await life.live(undisturbed.story)
            life.lane.assert_only_killed()
            assert life.world.jobs(kill.model) <= undisturbed.jobs, "there was a Job too many"
            assert life.world.jobs_at_once(kill.model) == 1, "two Jobs trained at once"
        except AssertionError as error:
            complaint = str(error)
        logger.info("killed %s: %s", kill, "ANOTHER END" if complaint else "the same end")
        proxy = life.lane.proxy
        return End(kill, proxy.struck.is_set(), tuple(proxy.writes), complaint)


@asynccontextmanager
async def _alive(
    cluster: Instance, directory: Path, model: str, trained: Path | None = None
) -> AsyncIterator[Life]:
    async with (
        connect(read_kubeconfig(cluster.kubeconfig)) as kube,
        seen_by(kube) as world,
        lane(cluster, directory, model) as opened,
        cleared(kube, world, model),
    ):
        yield Life(kube, world, opened, model, trained)


def path_of(entry: Entry) -> str:
    """Return the path of an audited request."""
    return urlsplit(entry.request_uri).path
