"""Others act where the operator does: a second operator, a person behind its back, the end of a namespace."""

import asyncio
from pathlib import Path

import pytest

from tests.cluster.instance import Instance
from tests.cluster.strimzi.kube import Kube, Manifest
from tests.cluster.waiting import PATIENCE_SECONDS
from tests.e2e.faults.claims import lay_version, reserve_volume
from tests.e2e.faults.kills import Undisturbed
from tests.e2e.faults.lane import Lane, lane
from tests.e2e.faults.life import EPOCHS, Life, await_picture, build_model, cleared, model_reference, serves
from tests.e2e.faults.picture import take_picture
from tests.e2e.faults.proxy import Write
from tests.e2e.faults.world import World
from tests.e2e.models import NAMESPACE

GOING = "going"  # a namespace
MOST_WRITES_IN_WHAT_GOES = 8
# What a person might change in each kind that the operator holds as it wants it.
EDITS: dict[str, Manifest] = {
    "Deployment": {"template": {"spec": {"terminationGracePeriodSeconds": 1}}},
    "KafkaTopic": {"config": {"max.message.bytes": "1000"}},
    "KafkaUser": {"authorization": {"acls": []}},
    "NetworkPolicy": {"egress": [], "ingress": []},
    "PodDisruptionBudget": {"maxUnavailable": 0},
}


@pytest.mark.soak
@pytest.mark.parametrize("trains", [False, True])
async def test_two_operators_at_once_lead_a_resource_through_the_same_life(
    bare_cluster: Instance,
    kube: Kube,
    world: World,
    tmp_path: Path,
    undisturbed: Undisturbed,
    figures: list[str],
    *,
    trains: bool,
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    async with (
        cleared(kube, world, "twins"),
        lane(bare_cluster, tmp_path / "a", "twins") as a,
        lane(bare_cluster, tmp_path / "b", "twins") as b,
    ):
        life = Life(kube, world, a, "twins", None if trains else undisturbed.trained)
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


@pytest.mark.parametrize("act", [pytest.param("edited", marks=pytest.mark.soak), "deleted"])
async def test_what_was_done_behind_its_back_while_it_was_down_is_repaired_and_nothing_trained_again(
    bare_cluster: Instance, kube: Kube, world: World, tmp_path: Path, undisturbed: Undisturbed, act: str
) -> None:
    name = f"unseen-{act}"
    lay_version(undisturbed.trained, await reserve_volume(kube, name), name, 1)
    async with cleared(kube, world, name):
        async with lane(bare_cluster, tmp_path, name) as opened:
            model = await kube.apply(build_model(name, EPOCHS[1]))
            await world.until(
                lambda: serves(world.model(name), 1, model["metadata"]["generation"]), PATIENCE_SECONDS
            )
            await opened.await_rest()
        before = take_picture(world, name)
        kinds = await (edit if act == "edited" else delete)(kube, world.children(name))
        assert {"Deployment", "KafkaTopic", "KafkaUser", "NetworkPolicy", "PodDisruptionBudget"} <= kinds
        async with lane(bare_cluster, tmp_path, name) as opened:
            wanted = {of: each for of, each in before.items() if act == "edited" or "Job " not in of}
            await await_picture(world, name, wanted, PATIENCE_SECONDS)
            assert opened.proxy.writes, "there was nothing to repair"
            await opened.await_rest()
            assert world.jobs(name) == 1


@pytest.mark.soak
async def test_a_namespace_deleted_in_the_middle_of_a_training_goes_and_the_operator_goes_on(
    bare_cluster: Instance, kube: Kube, world: World, tmp_path: Path, undisturbed: Undisturbed
) -> None:
    lay_version(undisturbed.trained, await reserve_volume(kube, "stays"), "stays", 1)
    await kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": GOING}})
    async with cleared(kube, world, "stays"), lane(bare_cluster, tmp_path) as opened:
        model = await kube.apply(build_model("stays", EPOCHS[1]))
        await world.until(
            lambda: serves(world.model("stays"), 1, model["metadata"]["generation"]), PATIENCE_SECONDS
        )
        await kube.apply(build_model("goes", EPOCHS[1], namespace=GOING))
        await world.until(lambda: world.trains("goes"), PATIENCE_SECONDS)
        written = len(writes_in(GOING, opened))
        await asyncio.to_thread(bare_cluster.kubectl, "delete", "namespace", GOING, "--timeout=240s")
        model = await kube.merge(model_reference("stays"), {"spec": {"inference": {"replicas": 0}}})
        await world.until(
            lambda: serves(world.model("stays"), 1, model["metadata"]["generation"]), PATIENCE_SECONDS
        )
        await opened.await_rest()
        assert opened.exit_codes == []
        since = writes_in(GOING, opened)[written:]
        assert len(since) <= MOST_WRITES_IN_WHAT_GOES, "\n".join(map(str, since))


async def edit(kube: Kube, children: list[Manifest]) -> set[str]:
    """Change each child that the operator holds as it wants it; return the kinds."""
    # What it does not set itself is anyone's: a topic's configuration, where the brokers' own will do.
    edited = [
        child for child in children if EDITS.get(child["kind"], {"": {}}).keys() <= child["spec"].keys()
    ]
    for child in edited:
        await kube.merge(child, {"spec": EDITS[child["kind"]]})
    return {child["kind"] for child in edited}


async def delete(kube: Kube, children: list[Manifest]) -> set[str]:
    """Delete each child and the Job too; return the kinds."""
    deleted = [child for child in children if child["kind"] in (*EDITS, "Job")]
    for child in deleted:
        await kube.delete(child["kind"], NAMESPACE, child["metadata"]["name"])
    return {child["kind"] for child in deleted}


def writes_in(namespace: str, opened: Lane) -> list[Write]:
    return [each for each in opened.proxy.writes if f"/namespaces/{namespace}/" in each.path]


def kinds_of(stage: Manifest) -> list[str]:
    return sorted(stage)
