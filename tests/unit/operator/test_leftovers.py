"""What becomes of a model's topics when it is deleted: they stay, unless it said otherwise."""

from typing import Any

import pytest

from tests.unit.operator.world import PETS, World

TOPICS = ["pets-dead-letters", "pets-images", "pets-predictions"]


async def world_without(when_deleted: str | None, **topics: Any) -> World:  # noqa: ANN401
    """Return a world in which a model's topics were made, and in which it has gone since."""
    world = World()
    world.add_kafka()
    chosen = {"whenDeleted": when_deleted} if when_deleted else {}
    world.api.put_model(kafka={"strimzi": {"name": "my-cluster"}, "topics": chosen | topics})
    await world.reconcile()
    delete(world)
    return world


def delete(world: World, name: str = "pets") -> None:
    """Let a model go."""
    del world.api.objects["CatDogModel", "kafka", name]


def other(world: World, name: str, topic: str) -> None:
    """Bring another model, whose input is this topic."""
    world.api.put_model(kafka={"strimzi": {"name": "my-cluster"}, "topics": {"input": {"name": topic}}})
    body = world.api.objects.pop(("CatDogModel", "kafka", "pets"))
    metadata = body["metadata"] | {"name": name, "uid": f"uid-of-{name}"}
    world.api.put(body | {"metadata": metadata})


def deletions(writes: list[str]) -> list[str]:
    return sorted(each.removeprefix("delete KafkaTopic ") for each in writes if each.startswith("delete"))


@pytest.mark.parametrize("when_deleted", [None, "Retain"])
async def test_topics_stay_when_nobody_said_that_they_go(when_deleted: str | None) -> None:
    world = await world_without(when_deleted)
    assert (await world.reconcile())[0] == []


async def test_they_go_when_the_model_says_so_and_once() -> None:
    world = await world_without("Delete")
    assert deletions((await world.reconcile())[0]) == TOPICS
    assert (await world.reconcile())[0] == []


async def test_they_stay_while_the_model_is_there() -> None:
    world = await world_without("Delete")
    world.api.put_model(kafka={"strimzi": {"name": "my-cluster"}, "topics": {"whenDeleted": "Delete"}})
    assert deletions((await world.reconcile())[0]) == []


async def test_a_model_that_changed_its_mind_keeps_them() -> None:
    world = World()
    world.add_kafka()
    for when_deleted in ("Delete", "Retain"):
        world.api.put_model(
            kafka={"strimzi": {"name": "my-cluster"}, "topics": {"whenDeleted": when_deleted}}
        )
        await world.reconcile()
    delete(world)
    assert (await world.reconcile())[0] == []


async def test_a_topic_that_another_model_names_stays_until_that_goes_too() -> None:
    world = await world_without("Delete")
    other(world, "others", "pets-images")
    assert deletions((await world.reconcile())[0]) == ["pets-dead-letters", "pets-predictions"]
    for name in ("pets-dead-letters", "pets-predictions"):
        del world.api.objects["KafkaTopic", "kafka", name]
    delete(world, "others")
    assert deletions((await world.reconcile())[0]) == ["pets-images"]


async def test_an_operator_that_was_away_deletes_them_when_it_comes_back() -> None:
    world = await world_without("Delete")
    world.start_operator()
    assert PETS in await world.cluster.resync()
    assert deletions((await world.reconcile())[0]) == TOPICS


async def test_where_models_are_not_to_be_read_nothing_is_taken_for_gone() -> None:
    world = await world_without("Delete")
    world.api.unreadable = {"CatDogModel"}
    await world.cluster.look_at_kinds()
    assert (await world.reconcile())[0] == []


async def test_a_deletion_that_is_refused_is_tried_again() -> None:
    world = await world_without("Delete")
    world.api.refusals["KafkaTopic"] = "forbidden"
    _, outcome = await world.reconcile()
    assert outcome.refused
