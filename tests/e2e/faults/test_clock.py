"""An operator whose clock is an hour wrong decides the same: the API server's clock is what counts."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cluster.instance import Instance
from tests.cluster.strimzi.kube import Kube, Manifest
from tests.e2e.claims import make_claim
from tests.e2e.conftest import OPERATOR_SETTINGS
from tests.e2e.faults.claims import lay_version, reserve_volume
from tests.e2e.faults.kills import Undisturbed
from tests.e2e.faults.lane import lane
from tests.e2e.faults.life import EPOCHS, build_model, remove, serves
from tests.e2e.faults.world import World
from tests.e2e.models import NAMESPACE

WAIT = timedelta(seconds=int(OPERATOR_SETTINGS["CATDOG_RETRY_SECONDS"]))
SLACK = timedelta(seconds=30)  # for a Job to be removed and its successor to start, on a busy machine


@pytest.mark.parametrize("hours", [+1, -1])
async def test_a_failure_is_tried_again_after_its_wait(
    bare_cluster: Instance, kube: Kube, world: World, tmp_path: Path, hours: int
) -> None:
    name, claim = f"clock-{hours % 24}", f"no-photos-{hours % 24}"
    await asyncio.to_thread(make_claim, bare_cluster, claim)
    async with lane(bare_cluster, tmp_path, name, **wrong_clock(hours)) as opened:
        model = build_model(name, EPOCHS[1])
        model["spec"]["training"]["dataset"] = {"persistentVolumeClaim": {"claimName": claim}}
        await kube.apply(model)
        await world.until(lambda: "lastFailure" in world.model(name).get("status", {}), 60)
        failed = moment(world.model(name)["status"]["lastFailure"]["time"])
        await world.until(lambda: world.jobs(name) == 2, 60)
        assert shown_hours(opened.operator.log) == hours
    [job] = [each for each in world.children(name) if each["kind"] == "Job"]
    assert WAIT <= moment(job["metadata"]["creationTimestamp"]) - failed <= WAIT + SLACK
    assert times_in_status(world.model(name)) <= {timedelta(0)}
    await remove(kube, world, name)
    await kube.delete("PersistentVolumeClaim", NAMESPACE, claim)


@pytest.mark.parametrize("hours", [+1, -1])
async def test_a_training_ends_and_its_version_serves(
    bare_cluster: Instance,
    kube: Kube,
    world: World,
    tmp_path: Path,
    undisturbed: Undisturbed,
    hours: int,
) -> None:
    name = f"clocked-{hours % 24}"
    lay_version(undisturbed.trained, await reserve_volume(kube, name), name, 1)
    async with lane(bare_cluster, tmp_path, name, **wrong_clock(hours)) as opened:
        model = await kube.apply(build_model(name, EPOCHS[1]))
        await world.until(lambda: serves(world.model(name), 1, model["metadata"]["generation"]), 60)
        assert shown_hours(opened.operator.log) == hours
        await opened.await_rest()
    assert world.jobs(name) == 1
    assert times_in_status(world.model(name)) <= {timedelta(0)}
    await remove(kube, world, name)


def wrong_clock(hours: int) -> dict[str, str]:
    """Return the environment of a process whose clock is so many hours ahead; its waits stay as they are."""
    [library] = Path("/usr/lib").glob("*/faketime/libfaketime.so.1")  # of Debian's libfaketime
    return {"LD_PRELOAD": str(library), "FAKETIME": f"{hours:+d}h", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def shown_hours(log: Path) -> int:
    """Return by how many hours the times in the operator's log are ahead."""
    last = json.loads(log.read_text().splitlines()[-1])["timestamp"]
    return round((moment(last) - datetime.now(UTC)) / timedelta(hours=1))


def times_in_status(model: Manifest) -> set[timedelta]:
    """Return by how many whole hours the times of the conditions are wrong."""
    times = [moment(each["lastTransitionTime"]) for each in model["status"]["conditions"]]
    return {timedelta(hours=round((time - datetime.now(UTC)) / timedelta(hours=1))) for time in times}


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
