"""A real Kafka behind the stand-in for Strimzi: who is let in, and what its resources come to."""

import ssl
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, TopicAuthorizationFailedError

from tests.cluster.instance import Instance
from tests.cluster.strimzi.kube import Kube, Manifest, connect, read_kubeconfig
from tests.cluster.strimzi.objects import NEVER_READY
from tests.cluster.strimzi.waiting import await_ready, await_resource
from tests.e2e.strimzi import LABELS, NAMESPACE, Client, apply_ready, eventually, kafka_topic, kafka_user


@pytest_asyncio.fixture
async def kube(cluster: Instance) -> AsyncIterator[Kube]:
    """Give the cluster's API, with none of these tests' resources in it before and after."""
    async with connect(read_kubeconfig(cluster.kubeconfig)) as connection:
        await _remove_resources(connection)
        yield connection
        await _remove_resources(connection)


@pytest.fixture
def person(cluster: Instance) -> Client:
    """Return the person at the host, who may read and write every topic."""
    return Client(Path(cluster.environment()["CATDOG_KAFKA_USER_DIR"]).parent)


async def test_a_client_on_the_host_produces_and_consumes_over_mutual_tls(kube: Kube, person: Client) -> None:
    await apply_ready(kube, kafka_topic("kafka-test-photos"))
    await person.produce("kafka-test-photos", b"a photo")
    assert await person.consume("kafka-test-photos") == b"a photo"


async def test_a_client_without_a_certificate_is_not_let_in(person: Client) -> None:
    trusting = ssl.create_default_context(cafile=person.directory / "ca" / "ca.crt")
    producer = AIOKafkaProducer(**person.settings() | {"ssl_context": trusting})
    try:
        with pytest.raises(KafkaConnectionError):
            await producer.start()
    finally:
        await producer.stop()


async def test_a_user_without_rules_may_do_nothing(cluster: Instance, kube: Kube, tmp_path: Path) -> None:
    await apply_ready(kube, kafka_topic("kafka-test-photos"))
    await apply_ready(kube, kafka_user("kafka-test-nobody"))
    nobody = await Client.of_user(cluster.kubeconfig, "kafka-test-nobody", tmp_path)
    with pytest.raises(TopicAuthorizationFailedError):
        await nobody.produce("kafka-test-photos", b"a photo")


async def test_a_rule_that_is_taken_away_stops_the_user_and_given_back_heals(
    cluster: Instance, kube: Kube, tmp_path: Path
) -> None:
    await apply_ready(kube, kafka_topic("kafka-test-photos"))
    writer = kafka_user("kafka-test-writer", "kafka-test-photos", ("Describe", "Write"))
    await apply_ready(kube, writer)
    client = await Client.of_user(cluster.kubeconfig, "kafka-test-writer", tmp_path)
    await eventually(lambda: may_write(client), "the writer writes")

    await apply_ready(kube, kafka_user("kafka-test-writer", "kafka-test-photos", ("Describe",)))
    await eventually(lambda: may_not_write(client), "the writer is refused")

    await apply_ready(kube, writer)
    await eventually(lambda: may_write(client), "the writer writes again")


async def test_a_deleted_user_has_neither_secret_nor_rules(
    cluster: Instance, kube: Kube, tmp_path: Path
) -> None:
    await apply_ready(kube, kafka_topic("kafka-test-photos"))
    await apply_ready(kube, kafka_user("kafka-test-writer", "kafka-test-photos", ("Describe", "Write")))
    client = await Client.of_user(cluster.kubeconfig, "kafka-test-writer", tmp_path)
    await eventually(lambda: may_write(client), "the writer writes")

    await kube.delete("KafkaUser", NAMESPACE, "kafka-test-writer")
    await eventually(lambda: may_not_write(client), "the old certificate has no rights any more")
    await eventually(lambda: is_gone(kube, "Secret", "kafka-test-writer"), "the Secret is gone")


async def test_a_users_secret_is_put_back(kube: Kube) -> None:
    await apply_ready(kube, kafka_user("kafka-test-writer"))
    before = await kube.get("Secret", NAMESPACE, "kafka-test-writer")
    assert before is not None
    await kube.merge(before, {"data": {"foreign": "eA=="}, "metadata": {"labels": {"foreign": "x"}}})

    async def is_put_back() -> bool:
        found = await kube.get("Secret", NAMESPACE, "kafka-test-writer")
        return found is not None and (found["data"], found["metadata"]["labels"]) == (
            before["data"],
            before["metadata"]["labels"],
        )

    await eventually(is_put_back, "the Secret is as it was")


async def test_more_replicas_than_brokers_are_a_kafka_error(kube: Kube) -> None:
    await kube.apply(kafka_topic("kafka-test-wide", replicas=3))
    topic = await await_resource(kube, "KafkaTopic", NAMESPACE, "kafka-test-wide", has_failed)
    reason, message = failure(topic)
    assert reason == "KafkaError"
    assert "InvalidReplicationFactorException: Unable to replicate the partition 3 time(s)" in message
    assert "topicId" not in topic["status"]


async def test_partitions_are_added_but_never_taken_away(kube: Kube, person: Client) -> None:
    await apply_ready(kube, kafka_topic("kafka-test-parts", partitions=2))
    await apply_ready(kube, kafka_topic("kafka-test-parts", partitions=3))
    await eventually(lambda: has_partitions(person, "kafka-test-parts", 3), "three partitions")

    await kube.apply(kafka_topic("kafka-test-parts", partitions=1))
    topic = await await_resource(kube, "KafkaTopic", NAMESPACE, "kafka-test-parts", has_failed)
    assert failure(topic) == ("NotSupported", "Decreasing partitions not supported")


async def test_two_resources_of_one_topic_conflict(kube: Kube) -> None:
    await apply_ready(kube, kafka_topic("kafka-test-first"))
    await kube.apply(kafka_topic("kafka-test-second", topicName="kafka-test-first"))
    topic = await await_resource(kube, "KafkaTopic", NAMESPACE, "kafka-test-second", has_failed)
    assert failure(topic) == (
        "ResourceConflict",
        "Managed by Ref{namespace='kafka', name='kafka-test-first'}",
    )


async def test_a_topic_goes_with_its_resource(kube: Kube, person: Client) -> None:
    await apply_ready(kube, kafka_topic("kafka-test-photos", partitions=1))
    await eventually(lambda: has_partitions(person, "kafka-test-photos", 1), "the topic is there")
    await kube.delete("KafkaTopic", NAMESPACE, "kafka-test-photos")
    await eventually(lambda: has_partitions(person, "kafka-test-photos", 0), "the topic is gone")
    await eventually(lambda: is_gone(kube, "KafkaTopic", "kafka-test-photos"), "the resource is gone")


async def test_a_topic_can_be_told_never_to_become_ready(kube: Kube) -> None:
    name, value = NEVER_READY
    never = kafka_topic("kafka-test-never")
    never["metadata"] = never["metadata"] | {"annotations": {name: value}}
    await kube.apply(never)
    await apply_ready(kube, kafka_topic("kafka-test-after"))
    ignored = await kube.get("KafkaTopic", NAMESPACE, "kafka-test-never")
    assert ignored is not None
    assert "status" not in ignored
    await kube.merge(ignored, {"metadata": {"annotations": {name: None}}})
    await await_ready(kube, "KafkaTopic", NAMESPACE, "kafka-test-never")


async def may_write(client: Client) -> bool:
    try:
        await client.produce("kafka-test-photos", b"a photo")
    except TopicAuthorizationFailedError:
        return False
    return True


async def may_not_write(client: Client) -> bool:
    return not await may_write(client)


async def has_partitions(client: Client, topic: str, count: int) -> bool:
    return await client.partitions(topic) == count


async def is_gone(kube: Kube, kind: str, name: str) -> bool:
    return await kube.get(kind, NAMESPACE, name) is None


def has_failed(topic: Manifest) -> bool:
    return any(
        each["type"] == "Ready" and each["status"] == "False" for each in topic["status"]["conditions"]
    )


def failure(topic: Manifest) -> tuple[str, str]:
    [ready] = topic["status"]["conditions"]
    return ready["reason"], ready["message"]


async def _remove_resources(kube: Kube) -> None:
    labels = ",".join(f"{key}={value}" for key, value in LABELS.items())
    for kind in ("KafkaTopic", "KafkaUser"):
        for resource in await kube.list(kind, NAMESPACE, labels):
            name = resource["metadata"]["name"]
            await kube.delete(kind, NAMESPACE, name)
            await eventually(partial(is_gone, kube, kind, name), f"{kind} {name} is gone")
