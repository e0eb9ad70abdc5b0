"""The topics of two models of which one reads what the other is sent; the tests go on from one another."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from confluent_kafka.admin import AclBinding

from tests.cluster.instance import Instance
from tests.cluster.strimzi.admins import Admins
from tests.cluster.strimzi.kafka_admin import KafkaAdmin
from tests.cluster.strimzi.kube import Kube, connect, read_kubeconfig
from tests.e2e.claims import claim_with_versions, served_from
from tests.e2e.kafka import first_record, produce
from tests.e2e.models import NAMESPACE, Model
from tests.e2e.strimzi import Client, eventually
from tests.tiny_version import picture

FIRST, SECOND = "topics-first", "topics-second"
IMAGES, LETTERS = f"{FIRST}-images", f"{FIRST}-dead-letters"
WELL = "Kafka my-cluster is there, and its topics and user for this model are ready"


@pytest.fixture(scope="module")
def models(cluster: Instance) -> Iterator[tuple[Model, Model]]:
    """Give a model whose topics go with it, and one that reads its input topic and keeps its own."""
    claim_with_versions(cluster, "topics", FIRST, SECOND)
    first, second = Model(cluster, FIRST), Model(cluster, SECOND)
    strimzi = {"strimzi": {"name": "my-cluster"}}
    first.apply(
        served_from("topics", strimzi | {"topics": {"whenDeleted": "Delete"}, "maxImageBytes": 65536})
    )
    first.await_ready(version=1)
    second.apply(
        served_from("topics", strimzi | {"topics": {"input": {"name": IMAGES}}, "maxImageBytes": 65536})
    )
    second.await_ready(version=1)
    yield first, second
    first.delete()
    second.delete()
    cluster.kubectl("delete", "kafkatopic", "-n", NAMESPACE, "-l", f"catdog.dev/model={SECOND}")


@pytest.fixture
def person(cluster: Instance) -> Client:
    """Return the person at the host, who may see every topic."""
    return Client(Path(cluster.environment()["CATDOG_KAFKA_USER_DIR"]).parent)


async def test_two_models_that_name_one_topic_share_it(
    cluster: Instance, models: tuple[Model, Model]
) -> None:
    await produce(cluster, IMAGES, picture("blue"), key=b"blue")
    for model in models:
        answer = await first_record(
            cluster, f"{model.name}-predictions", lambda record: record.key == b"blue"
        )
        assert json.loads(answer.value)["model"]["name"] == model.name
    assert [topic_names(model) for model in models] == [
        {IMAGES, LETTERS, f"{FIRST}-predictions"},
        {f"{SECOND}-dead-letters", f"{SECOND}-predictions"},
    ]


async def test_partitions_grow_with_the_spec_and_never_shrink(
    models: tuple[Model, Model], person: Client
) -> None:
    first, _ = models
    first.patch({"kafka": {"topics": {"input": {"partitions": 8}}}})
    await eventually(partial(has_partitions, person, 8), "eight partitions")
    first.await_condition("KafkaReady", ("True", "KafkaReady", WELL))
    await produce(first.cluster, IMAGES, picture("red"), key=b"added", partition=7)
    await first_record(first.cluster, f"{FIRST}-predictions", lambda record: record.key == b"added")
    first.patch({"kafka": {"topics": {"input": {"partitions": 1}}}})
    kept = f"KafkaTopic {IMAGES} keeps its 8 partitions, and not the spec's 1: Kafka takes none away"
    first.await_condition("KafkaReady", ("True", "TopicsDiffer", f"{WELL}; {kept}"))
    assert await has_partitions(person, 8)


async def test_a_model_that_goes_takes_its_user_and_its_topics_but_not_what_another_uses(
    cluster: Instance, models: tuple[Model, Model], person: Client
) -> None:
    first, second = models
    async with connect(read_kubeconfig(cluster.kubeconfig)) as kube:
        admin = await admin_of(kube)
        assert await rules(admin, f"{FIRST}-catdog")
        first.delete()
        await eventually(partial(has_topics, kube, FIRST, {IMAGES}), "two topics go, and one stays")
        await eventually(partial(has_partitions, person, 0, LETTERS), "Kafka has it no longer")
        await eventually(partial(has_no_rules, admin, f"{FIRST}-catdog"), "the rights go")
        await eventually(partial(is_gone, kube, "Secret", f"{FIRST}-catdog"), "the Secret goes")
        assert await rules(admin, f"{SECOND}-catdog")
        await produce(cluster, IMAGES, picture("red"), key=b"red")
        await first_record(cluster, f"{SECOND}-predictions", lambda record: record.key == b"red")

        second.delete()
        await eventually(partial(has_topics, kube, FIRST, set()), "the shared one goes with its last user")
        await eventually(partial(has_no_rules, admin, f"{SECOND}-catdog"), "the rights go")
        own = {f"{SECOND}-dead-letters", f"{SECOND}-predictions"}
        assert await has_topics(kube, SECOND, own)
        assert await person.partitions(f"{SECOND}-predictions") > 0


def topic_names(model: Model) -> set[str]:
    return {topic["metadata"]["name"] for topic in model.children("kafkatopics")}


async def has_partitions(client: Client, count: int, topic: str = IMAGES) -> bool:
    return await client.partitions(topic) == count


async def is_gone(kube: Kube, kind: str, name: str) -> bool:
    return await kube.get(kind, NAMESPACE, name) is None


async def has_topics(kube: Kube, model: str, names: set[str]) -> bool:
    found = await kube.list("KafkaTopic", NAMESPACE, f"catdog.dev/model={model}")
    return {topic["metadata"]["name"] for topic in found} == names


async def admin_of(kube: Kube) -> KafkaAdmin:
    admin = await Admins(kube).connect(NAMESPACE, "my-cluster")
    assert admin is not None
    return admin


async def rules(admin: KafkaAdmin, user: str) -> set[AclBinding]:
    return await admin.acls(f"User:CN={user}")


async def has_no_rules(admin: KafkaAdmin, user: str) -> bool:
    return not await rules(admin, user)
