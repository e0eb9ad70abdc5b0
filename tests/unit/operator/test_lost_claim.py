"""What becomes of a model whose claim goes: with a model that had its name before, or by somebody's hand."""

from typing import Any

import msgspec
import pytest

from catdog_operator.plan import plan
from catdog_operator.views import Owner
from tests.unit.operator.builders import (
    NOW,
    condition,
    later,
    some_claim,
    some_model,
    some_observed,
    some_result,
    wanted_names,
)
from tests.unit.operator.world import JOB, PETS, World, serving_world

GOES = {"claim": {"whenDeleted": "Delete"}}


async def world_with_a_successor(**spec: Any) -> World:  # noqa: ANN401
    """Return a world in which a model that serves was deleted and made again, before what was its went."""
    world = await serving_world_with(**spec)
    del world.api.objects["CatDogModel", *PETS]
    world.api.time = later(60)
    world.api.put_model(**spec)
    return world


async def serving_world_with(**spec: Any) -> World:  # noqa: ANN401
    world = World()
    world.add_kafka()
    world.api.put_model(**spec)
    await world.reconcile()
    world.act_as_strimzi()
    world.end_training(JOB, 0, some_result(1, "572360246d"))
    await world.reconcile()
    world.roll_out()
    await world.reconcile()
    assert [each["version"] for each in world.status()["versions"]] == [1]
    return world


def remove_what_was_the_predecessors(world: World, *kinds: str) -> None:
    """Take away what the garbage collector would."""
    for kind, namespace, name in list(world.api.objects):
        if kind in kinds:
            del world.api.objects[kind, namespace, name]


async def test_a_successor_waits_for_the_claim_that_goes_with_its_predecessor() -> None:
    world = await world_with_a_successor(storage=GOES)
    writes, _ = await world.reconcile()
    assert writes == ["report pets"]
    assert world.reason("StorageReady") == world.reason("Ready") == "ClaimLeaving"
    assert "versions" not in world.status()


async def test_then_it_trains_whatever_its_predecessors_trainer_has_told() -> None:
    world = await world_with_a_successor(storage=GOES)
    await world.reconcile()
    remove_what_was_the_predecessors(world, "PersistentVolumeClaim", "Deployment")
    writes, _ = await world.reconcile()
    assert "create PersistentVolumeClaim pets-models" in writes
    assert f"delete Job {JOB}" in writes
    remove_what_was_the_predecessors(world, "Job")
    writes, _ = await world.reconcile()
    assert f"create Job {JOB}" in writes, "the predecessor's pod may stay for a while"
    assert "versions" not in world.status()


async def test_over_a_claim_that_stays_a_successor_goes_on_at_once() -> None:
    world = await world_with_a_successor()
    await world.reconcile()
    assert world.reason("StorageReady") != "ClaimLeaving"
    assert world.status()["inference"]["servedVersion"] == 1


async def test_a_claim_that_was_lost_is_made_anew_and_its_version_too() -> None:
    world = await serving_world()
    world.api.remove("PersistentVolumeClaim", "pets-models")
    world.api.time = later(60)
    writes, _ = await world.reconcile()
    assert "create PersistentVolumeClaim pets-models" in writes
    assert f"delete Job {JOB}" in writes
    assert "versions" not in world.status()
    world.api.remove("Job", JOB)
    writes, _ = await world.reconcile()
    assert f"create Job {JOB}" in writes


async def test_a_claim_that_was_deleted_is_let_go_where_no_worker_is_wanted_any_more() -> None:
    world = await serving_world()
    claim = world.api.objects["PersistentVolumeClaim", "kafka", "pets-models"]
    world.api.put(claim | {"metadata": claim["metadata"] | {"deletionTimestamp": "2026-11-30T09:00:00Z"}})
    writes, _ = await world.reconcile()
    assert f"delete Job {JOB}" not in writes, "while a worker has the claim, nothing is won"
    world.api.put_model(inference={"replicas": 0})
    writes, _ = await world.reconcile()
    assert f"delete Job {JOB}" in writes, "its pod, which has ended, would keep the claim"
    world.api.remove("Job", JOB)
    writes, _ = await world.reconcile()
    assert f"create Job {JOB}" not in writes
    assert [each["version"] for each in world.status()["versions"]] == [1]
    world.api.remove("PersistentVolumeClaim", "pets-models")
    writes, _ = await world.reconcile()
    assert {"create PersistentVolumeClaim pets-models", f"create Job {JOB}"} <= set(writes)


@pytest.mark.parametrize("spec", [{"paused": True}, {"storage": {"existingClaim": "pets-models"}}])
async def test_where_the_operator_makes_no_claim_its_versions_are_not_forgotten(spec: dict[str, Any]) -> None:
    world = await serving_world()
    world.api.remove("PersistentVolumeClaim", "pets-models")
    world.api.put_model(**spec)
    await world.reconcile()
    assert [each["version"] for each in world.status()["versions"]] == [1]


def test_on_a_claim_that_was_deleted_no_training_begins_and_it_is_said_what_goes() -> None:
    claim = some_claim("pets-models")
    going = msgspec.structs.replace(
        claim, metadata=msgspec.structs.replace(claim.metadata, deletion_timestamp=NOW)
    )
    observed = some_observed(claim=going)
    assert not [each for each in wanted_names(plan(observed)) if each.startswith("Job/")]
    status, reason, message = condition(observed, "StorageReady")
    assert (status, reason) == ("False", "ClaimLeaving")
    assert message.startswith("PersistentVolumeClaim pets-models was deleted, and goes with all versions ")


@pytest.mark.parametrize(
    ("owners", "waits"),
    [
        ((), False),
        ((Owner("CatDogModel", "pets", "model-1"),), False),
        ((Owner("CatDogModel", "pets", "model-0"),), True),
        ((Owner("CatDogModel", "others", "model-0"),), False),  # whose claim this model uses as well
        ((Owner("StatefulSet", "pets", "model-0"),), False),
    ],
)
def test_only_a_predecessors_claim_is_waited_for(owners: tuple[Owner, ...], waits: bool) -> None:  # noqa: FBT001
    claim = some_claim("pets-models")
    owned = msgspec.structs.replace(
        claim, metadata=msgspec.structs.replace(claim.metadata, owner_references=owners)
    )
    observed = some_observed(some_model(), claim=owned)
    assert (wanted_names(plan(observed)) == []) == waits
