"""Others act where the operator does: a second operator, a person behind its back, the end of a namespace."""

import asyncio
import json
from pathlib import Path

from tests.cluster.instance import Instance
from tests.cluster.strimzi.kube import Kube, Manifest
from tests.e2e.faults.claims import lay_version, reserve_volume
from tests.e2e.faults.kills import Undisturbed
from tests.e2e.faults.lane import lane
from tests.e2e.faults.life import EPOCHS, Life, build_model, model_reference, remove, serves
from tests.e2e.faults.picture import take_picture
from tests.e2e.faults.world import World
from tests.e2e.models import NAMESPACE

REPAIR_SECONDS = 60.0
# What a person might change in each kind that the operator holds as it wants it.
EDITS: dict[str, Manifest] = {
    "Deployment": {"template": {"spec": {"terminationGracePeriodSeconds": 1}}},
    "KafkaTopic": {"config": {"max.message.bytes": "1000"}},
    "KafkaUser": {"authorization": {"acls": []}},
    "NetworkPolicy": {"policyTypes": []},
    "PodDisruptionBudget": {"maxUnavailable": 0},
}


async def test_two_operators_at_once_lead_a_resource_through_the_same_life(
    bare_cluster: Instance,
    kube: Kube,
    world: World,
    tmp_path: Path,
    undisturbed: Undisturbed,
    figures: list[str],
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    async with (
        lane(bare_cluster, tmp_path / "a", "twins") as a,
        lane(bare_cluster, tmp_path / "b", "twins") as b,
    ):
        life = Life(kube, world, a, "twins")
        story = await life.live()
        written = [len(each.proxy.writes) for each in (a, b)]
        await b.await_rest()
        assert min(written) > 0, "one of them did nothing"
        assert sum(written) <= 2 * len(undisturbed.writes)
        assert a.exit_codes == b.exit_codes == []
        assert world.jobs("twins") <= undisturbed.jobs
        assert world.jobs_at_once("twins") == 1
        assert story["on the claim"] == undisturbed.story["on the claim"]
        assert {stage: kinds_of(each) for stage, each in story.items()} == {
            stage: kinds_of(each) for stage, each in undisturbed.story.items()
        }
    alone = len(undisturbed.writes)
    figures.append(f"two operators: {written[0]} and {written[1]} writes in a life that takes one {alone}")
    await remove(kube, world, "twins")


async def test_what_is_edited_or_deleted_while_it_is_down_is_repaired_and_nothing_trained_again(
    bare_cluster: Instance, kube: Kube, world: World, tmp_path: Path, undisturbed: Undisturbed
) -> None:
    lay_version(undisturbed.trained, await reserve_volume(kube, "unseen"), "unseen", 1)
    async with lane(bare_cluster, tmp_path, "unseen") as opened:
        model = await kube.apply(build_model("unseen", EPOCHS[1]))
        await world.until(lambda: serves(world.model("unseen"), 1, model["metadata"]["generation"]), 120)
        await opened.await_rest()
    before = take_picture(world, "unseen")
    job = next(name for name in before if name.startswith("Job "))
    edited = await edit_some_and_delete_others(kube, world, "unseen")
    assert {"Deployment", "KafkaTopic", "KafkaUser"} <= edited
    async with lane(bare_cluster, tmp_path, "unseen") as opened:
        wanted = {name: each for name, each in before.items() if name != job}
        await world.until(lambda: take_picture(world, "unseen") == wanted, REPAIR_SECONDS)
        await opened.await_rest()
        assert world.jobs("unseen") == 1
    await remove(kube, world, "unseen")


async def test_a_namespace_deleted_in_the_middle_of_a_training_goes_and_the_operator_goes_on(
    bare_cluster: Instance, kube: Kube, world: World, tmp_path: Path, undisturbed: Undisturbed
) -> None:
    lay_version(undisturbed.trained, await reserve_volume(kube, "stays"), "stays", 1)
    await kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "going"}})
    async with lane(bare_cluster, tmp_path) as opened:
        going = build_model("goes", EPOCHS[1])
        going["metadata"]["namespace"] = "going"
        await kube.apply(going)
        model = await kube.apply(build_model("stays", EPOCHS[1]))
        await world.until(lambda: world.trains("goes"), 60)
        await world.until(lambda: serves(world.model("stays"), 1, model["metadata"]["generation"]), 120)
        written = sum("/namespaces/going/" in each.path for each in opened.proxy.writes)
        await bare_cluster_kubectl(bare_cluster, "delete", "namespace", "going", "--timeout=90s")
        model = await kube.merge(model_reference("stays"), {"spec": {"inference": {"replicas": 0}}})
        await world.until(
            lambda: is_scaled_to_zero(world.model("stays"), model["metadata"]["generation"]), 60
        )
        await opened.await_rest()
        assert opened.exit_codes == []
        since = [each for each in opened.proxy.writes if "/namespaces/going/" in each.path][written:]
        assert len(since) <= 8, "\n".join(map(str, since))
    await remove(kube, world, "stays")


async def edit_some_and_delete_others(kube: Kube, world: World, model: str) -> set[str]:
    """Delete Jobs and one child of each kind, edit the others as well as the kinds that have only one."""
    touched: set[str] = set()
    for child in world.children(model):
        kind, name = child["kind"], child["metadata"]["name"]
        if kind == "Job" or (kind in EDITS and kind in touched):
            await kube.delete(kind, NAMESPACE, name)
        elif kind in EDITS:
            await kube.merge(child, {"spec": EDITS[kind]})
        touched.add(kind)
    return touched


def is_scaled_to_zero(model: Manifest, generation: int) -> bool:
    return serves(model, 1, generation) and "ScaledToZero" in json.dumps(model)


def kinds_of(stage: Manifest) -> list[str]:
    return sorted(stage)


async def bare_cluster_kubectl(cluster: Instance, *arguments: str) -> None:
    await asyncio.to_thread(cluster.kubectl, *arguments)
