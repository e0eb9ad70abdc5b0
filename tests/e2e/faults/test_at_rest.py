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
from tests.e2e.faults.life import EPOCHS, build_model, remove
from tests.e2e.faults.world import World
from tests.e2e.models import NAMESPACE, condition

CLAIM = "many-models"
SETTLING_SECONDS = 600
EPOCHS_OF_A_LONG_TRAINING = 150
# Begun, pod started, trainer's first word, trained, rolled out: each is told at once.
TRANSITIONS = 10


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
    async with lane(bare_cluster, tmp_path) as opened:
        await world.until(lambda: all(is_scaled_to_zero(world, name) for name in names), SETTLING_SECONDS)
        await opened.await_rest()
        began = datetime.now(UTC)
        await asyncio.sleep(seconds)  # an absence: nothing tells that a write does not come
        written = [entry for entry in read_audit(bare_cluster.layout.audit_log, began) if entry.is_write]
        assert written == []
        assert opened.exit_codes == []
    figures.append(f"at rest: {models} resources, {seconds} s, no write by the operator's account")
    for name in names:
        await remove(kube, world, name)
    await kube.delete("PersistentVolumeClaim", NAMESPACE, CLAIM)


async def test_while_it_trains_a_status_is_written_at_most_every_ten_seconds(
    bare_cluster: Instance, kube: Kube, world: World, tmp_path: Path, figures: list[str]
) -> None:
    began = datetime.now(UTC)
    async with lane(bare_cluster, tmp_path, "trains"):
        await kube.apply(build_model("trains", EPOCHS_OF_A_LONG_TRAINING, inference={"replicas": 0}))
        await world.until(lambda: is_scaled_to_zero(world, "trains"), 300)
    patches = [entry for entry in read_audit(bare_cluster.layout.audit_log, began) if is_status(entry)]
    seconds = (patches[-1].received - patches[0].received).total_seconds()
    figures.append(f"while training: {len(patches)} status patches in {seconds:.0f} s")
    assert len(patches) <= seconds / 10 + TRANSITIONS
    assert world.jobs("trains") == 1
    await remove(kube, world, "trains")


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
    return (entry.resource, entry.subresource, entry.name) == ("catdogmodels", "status", "trains")
