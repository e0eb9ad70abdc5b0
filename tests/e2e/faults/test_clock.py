"""An operator whose clock is an hour wrong decides the same: the API server's clock is what counts."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from tests.cluster.instance import Instance
from tests.cluster.strimzi.kube import Kube, Manifest
from tests.cluster.waiting import PATIENCE_SECONDS
from tests.e2e.claims import make_claim
from tests.e2e.conftest import OPERATOR_SETTINGS
from tests.e2e.faults.claims import lay_version, reserve_volume
from tests.e2e.faults.kills import Undisturbed
from tests.e2e.faults.lane import Lane, lane
from tests.e2e.faults.life import EPOCHS, build_model, cleared, serves
from tests.e2e.faults.world import World
from tests.e2e.models import NAMESPACE

WAIT = timedelta(seconds=int(OPERATOR_SETTINGS["CATDOG_RETRY_SECONDS"]))
HOURS = (+1, -1)
NO_PHOTOS = "no-photos"  # a claim
SLACK = timedelta(minutes=4)  # for a Job to be removed and its successor to start; an hour is what is wrong


@pytest.mark.soak
async def test_a_failure_is_tried_again_after_its_wait(
    bare_cluster: Instance, kube: Kube, world: World, tmp_path: Path
) -> None:
    async def fail_twice(hours: int) -> None:
        name = f"clock-{hours % 24}"
        model = build_model(name, EPOCHS[1])
        model["spec"]["training"]["dataset"] = {"persistentVolumeClaim": {"claimName": NO_PHOTOS}}
        async with in_wrong_time(name, hours) as opened:
            await kube.apply(model)
            await world.until(lambda: "lastFailure" in world.model(name).get("status", {}), PATIENCE_SECONDS)
            failed = moment(world.model(name)["status"]["lastFailure"]["time"])
            await world.until(lambda: bool(jobs_since(world, name, failed)), PATIENCE_SECONDS)
            assert shown_hours(opened.operator.log) == hours
            [job] = jobs_since(world, name, failed)
            assert WAIT <= moment(job["metadata"]["creationTimestamp"]) - failed <= WAIT + SLACK
            assert wrong_hours(world.model(name)) == {0}

    in_wrong_time = partial(clocked, bare_cluster, kube, world, tmp_path)
    await asyncio.to_thread(make_claim, bare_cluster, NO_PHOTOS)
    await asyncio.gather(*map(fail_twice, HOURS))
    await kube.delete("PersistentVolumeClaim", NAMESPACE, NO_PHOTOS)


@pytest.mark.soak
async def test_a_training_ends_and_its_version_serves(
    bare_cluster: Instance, kube: Kube, world: World, tmp_path: Path, undisturbed: Undisturbed
) -> None:
    async def serve(hours: int) -> None:
        name = f"clocked-{hours % 24}"
        lay_version(undisturbed.trained, await reserve_volume(kube, name), name, 1)
        async with in_wrong_time(name, hours) as opened:
            model = await kube.apply(build_model(name, EPOCHS[1]))
            await world.until(
                lambda: serves(world.model(name), 1, model["metadata"]["generation"]), PATIENCE_SECONDS
            )
            assert shown_hours(opened.operator.log) == hours
            await opened.await_rest()
            assert world.jobs(name) == 1
            assert wrong_hours(world.model(name)) == {0}

    in_wrong_time = partial(clocked, bare_cluster, kube, world, tmp_path)
    await asyncio.gather(*map(serve, HOURS))


def jobs_since(world: World, model: str, time: datetime) -> list[Manifest]:
    """Return a model's Jobs that were made at a moment or later; times are whole seconds."""
    jobs = [each for each in world.children(model) if each["kind"] == "Job"]
    return [job for job in jobs if moment(job["metadata"]["creationTimestamp"]) >= time]


@contextlib.asynccontextmanager
async def clocked(
    cluster: Instance, kube: Kube, world: World, directory: Path, name: str, hours: int
) -> AsyncIterator[Lane]:
    """Run an operator whose clock is wrong, for one model that goes with it."""
    own = directory / name
    await asyncio.to_thread(own.mkdir)
    async with cleared(kube, world, name), lane(cluster, own, name, **wrong_clock(hours)) as opened:
        yield opened


def wrong_clock(hours: int) -> dict[str, str]:
    """Return the environment of a process whose clock is so many hours ahead; its waits stay as they are."""
    [library] = Path("/usr/lib").glob("*/faketime/libfaketime.so.1")  # of Debian's libfaketime
    return {"LD_PRELOAD": str(library), "FAKETIME": f"{hours:+d}h", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def shown_hours(log: Path) -> int:
    """Return by how many hours the times in the operator's log are ahead."""
    whole, _, _ = log.read_text().rpartition("\n")  # it may be writing the next
    last = json.loads(whole.splitlines()[-1])["timestamp"]
    return round((moment(last) - datetime.now(UTC)) / timedelta(hours=1))


def wrong_hours(model: Manifest) -> set[int]:
    """Return by how many hours the times of a model's conditions are wrong."""
    times = [moment(each["lastTransitionTime"]) for each in model["status"]["conditions"]]
    return {round((time - datetime.now(UTC)) / timedelta(hours=1)) for time in times}


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
