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


@pytest.mark.parametrize("label", ["catdog.dev/model", "app.kubernetes.io/managed-by"])
async def test_one_that_a_person_took_out_of_the_operators_hands_stays(label: str) -> None:
    world = await world_without("Delete")
    topic = world.api.objects["KafkaTopic", "kafka", "pets-images"]
    del topic["metadata"]["labels"][label]
    world.api.put(topic)
    assert deletions((await world.reconcile())[0]) == ["pets-dead-letters", "pets-predictions"]


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


@pytest.mark.parametrize(("watched", "gone"), [(("kafka",), []), (("kafka", "team"), TOPICS), ((), TOPICS)])
async def test_a_model_in_a_namespace_that_is_not_watched_is_not_taken_for_gone(
    watched: tuple[str, ...], gone: list[str]
) -> None:
    world = await world_without("Delete")
    for name in TOPICS:  # made by the operator of another namespace, for a model there
        topic = world.api.objects["KafkaTopic", "kafka", name]
        topic["metadata"]["labels"]["catdog.dev/namespace"] = "team"
    world.start_operator(*watched)
    await world.cluster.resync()
    assert deletions((await world.reconcile())[0]) == gone


async def test_a_deletion_that_is_refused_is_tried_again() -> None:
    world = await world_without("Delete")
    world.api.refusals["KafkaTopic"] = "forbidden"
    _, outcome = await world.reconcile()
    assert outcome.refused


async def world_with_a_former_shadow(first: str, **former: Any) -> World:  # noqa: ANN401
    """Return a world in which a model had a shadow while `whenDeleted` was `first`, and has none now."""
    world = World()
    world.add_kafka()
    say(world, first, **former)
    await world.reconcile()
    world.act_as_strimzi()
    return world


def say(world: World, when_deleted: str, version: int | None = 2, **topics: Any) -> None:  # noqa: ANN401
    """Have the model say what becomes of its topics, and whether it has a shadow."""
    kafka = {"strimzi": {"name": "my-cluster"}, "topics": {"whenDeleted": when_deleted} | topics}
    world.api.put_model(kafka=kafka, inference={"shadowVersion": version} if version else {})


@pytest.mark.parametrize("topics", [{}, {"shadow": {"name": "beside", "partitions": 3, "replicas": 2}}])
@pytest.mark.parametrize(("first", "then"), [("Delete", "Retain"), ("Retain", "Delete")])
async def test_what_is_said_last_counts_for_the_topic_of_a_shadow_that_is_no_more(
    first: str, then: str, topics: dict[str, Any]
) -> None:
    world = await world_with_a_former_shadow(first, **topics)
    name = topics.get("shadow", {"name": "pets-predictions-shadow"})["name"]
    say(world, first, version=None)
    topic = world.api.objects["KafkaTopic", "kafka", name]
    spec = topic["spec"] | {"partitions": 9}  # by a person
    world.api.put(topic | {"spec": spec})
    assert f"apply KafkaTopic {name}" not in (await world.reconcile())[0]
    say(world, then, version=None)
    assert f"apply KafkaTopic {name}" in (await world.reconcile())[0]
    assert (await world.reconcile())[0] == []
    assert world.api.objects["KafkaTopic", "kafka", name]["spec"] == spec
    delete(world)
    gone = [*TOPICS, name] if then == "Delete" else []
    assert deletions((await world.reconcile())[0]) == sorted(gone)


async def test_a_former_topic_that_goes_or_is_of_another_kafka_is_left_as_it_is() -> None:
    world = await world_with_a_former_shadow("Delete")
    topic = world.api.objects["KafkaTopic", "kafka", "pets-predictions-shadow"]
    for change in (
        {"deletionTimestamp": "2026-03-01T12:00:00Z"},
        {"labels": topic["metadata"]["labels"] | {"strimzi.io/cluster": "another"}},
        {"labels": topic["metadata"]["labels"] | {"app.kubernetes.io/managed-by": "somebody"}},
    ):
        world.api.put(topic | {"metadata": topic["metadata"] | change})
        say(world, "Retain", version=None)
        assert "apply KafkaTopic pets-predictions-shadow" not in (await world.reconcile())[0]
    world.api.put(topic)
    assert "apply KafkaTopic pets-predictions-shadow" in (await world.reconcile())[0]
