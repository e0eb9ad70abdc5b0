"""At rest the operator writes nothing; while it trains, no more than a status every ten seconds."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from catdog_common.artifact import read_metadata
from tests.cluster.audit import Entry, read_audit
from tests.cluster.instance import Instance
from tests.cluster.strimzi.kube import Kube
from tests.e2e.faults.claims import reserve_volume
from tests.e2e.faults.kills import Undisturbed
from tests.e2e.faults.lane import lane
from tests.e2e.faults.life import EPOCHS, build_model, cleared
from tests.e2e.faults.world import World
from tests.e2e.models import NAMESPACE, condition

CLAIM = "many-models"
SETTLING_SECONDS = 600
EPOCHS_OF_A_LONG_TRAINING = 400
# Begun, claim bound, topics and user ready, pod started, trained, scaled to zero: each is told at once.
TRANSITIONS = 10
# Two trainings, three rollouts and one more replica, whose pods come and go.
TRANSITIONS_OF_A_LIFE = 36


@pytest.mark.parametrize(("models", "seconds"), [(6, 20), pytest.param(50, 600, marks=pytest.mark.soak)])
async def test_at_rest_it_writes_nothing(
    bare_cluster: Instance,
    kube: Kube,
    world: World,
    tmp_path: Path,
    undisturbed: Undisturbed,
    figures: list[str],
    models: int,
    seconds: int,
) -> None:
    names = [f"rests-{number}" for number in range(models)]
    await put_as_restored(kube, names, undisturbed)
    async with cleared(kube, world, *names), lane(bare_cluster, tmp_path) as opened:
        await world.until(lambda: all(is_scaled_to_zero(world, name) for name in names), SETTLING_SECONDS)
        await opened.await_rest()
        began = datetime.now(UTC)
        await asyncio.sleep(seconds)  # an absence: nothing tells that a write does not come
        written = [entry for entry in read_audit(bare_cluster.layout.audit_log, began) if entry.is_write]
        assert written == []
        assert opened.exit_codes == []
    figures.append(f"at rest: {models} resources, {seconds} s, no write by the operator's account")
    await kube.delete("PersistentVolumeClaim", NAMESPACE, CLAIM)


def test_in_a_life_a_status_is_written_at_most_every_ten_seconds_and_when_something_happened(
    undisturbed: Undisturbed, figures: list[str]
) -> None:
    patches = [entry for entry in undisturbed.audited if is_status(entry)]
    figures.append(f"in a life: {describe_rate(patches)}")
    assert len(patches) <= seconds_of(patches) / 10 + TRANSITIONS_OF_A_LIFE


@pytest.mark.soak
async def test_while_it_trains_a_status_is_written_at_most_every_ten_seconds(
    bare_cluster: Instance, kube: Kube, world: World, tmp_path: Path, figures: list[str]
) -> None:
    began = datetime.now(UTC)
    async with cleared(kube, world, "trains"), lane(bare_cluster, tmp_path, "trains"):
        await kube.apply(build_model("trains", EPOCHS_OF_A_LONG_TRAINING, inference={"replicas": 0}))
        await world.until(lambda: is_scaled_to_zero(world, "trains"), SETTLING_SECONDS)
        assert world.jobs("trains") == 1
    audited = read_audit(bare_cluster.layout.audit_log, began)
    patches = [entry for entry in audited if is_status(entry)]
    figures.append(f"while training: {describe_rate(patches)}")
    assert len(patches) <= seconds_of(patches) / 10 + TRANSITIONS


async def put_as_restored(kube: Kube, names: list[str], undisturbed: Undisturbed) -> None:
    """Put models as a backup brings them back: with the status that says which versions are on the claim."""
    await reserve_volume(kube, "many")
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    metadata = {"name": CLAIM, "namespace": NAMESPACE}
    await kube.apply(
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}
    )
    first = read_metadata(undisturbed.trained / "1")
    version = {
        "version": 1,
        "hash": first.hash,
        "accuracy": first.metrics.accuracy,
        "photos": first.metrics.photos,
        "trainedAt": first.trained_at,
    }
    status = {"versions": [version]}
    for name in names:
        model = build_model(name, EPOCHS[1], storage={"existingClaim": CLAIM}, inference={"replicas": 0})
        await kube.set_status(await kube.apply(model), status)


def is_scaled_to_zero(world: World, name: str) -> bool:
    return condition(world.model(name).get("status", {}), "Ready")[:2] == ("True", "ScaledToZero")


def is_status(entry: Entry) -> bool:
    return (entry.resource, entry.subresource) == ("catdogmodels", "status")


def seconds_of(entries: list[Entry]) -> float:
    return (entries[-1].received - entries[0].received).total_seconds()


def describe_rate(patches: list[Entry]) -> str:
    return f"{len(patches)} status patches in {seconds_of(patches):.0f} s"
