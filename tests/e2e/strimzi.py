"""KafkaTopics and KafkaUsers as the tests handle them, and what a KafkaUser's certificate is let do."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from aiokafka.errors import KafkaError, KafkaTimeoutError
from confluent_kafka import KafkaException

from catdog_common.kafka_security import KafkaSecurity
from tests.cluster.strimzi.client_files import write_client_files
from tests.cluster.strimzi.kafka_admin import is_outage
from tests.cluster.strimzi.kube import Kube, Manifest
from tests.cluster.strimzi.waiting import await_ready
from tests.cluster.waiting import PATIENCE_SECONDS
from tests.e2e.kafka_clients import administering, consuming, producing

NAMESPACE = "kafka"
LABELS = {"strimzi.io/cluster": "my-cluster", "catdog.dev/test-of": "kafka"}


def kafka_topic(name: str, **spec: object) -> Manifest:
    """Return a KafkaTopic of these tests."""
    return _resource("KafkaTopic", name, spec)


def kafka_user(name: str, topic: str = "", operations: tuple[str, ...] = ()) -> Manifest:
    """Return a KafkaUser of these tests, who may do `operations` on `topic`, and nothing else."""
    rule = {"resource": {"type": "topic", "name": topic}, "operations": list(operations)}
    authorization = {"type": "simple", "acls": [rule] if operations else []}
    return _resource("KafkaUser", name, {"authentication": {"type": "tls"}, "authorization": authorization})


def _resource(kind: str, name: str, spec: Manifest) -> Manifest:
    metadata = {"name": name, "namespace": NAMESPACE, "labels": LABELS}
    return {"apiVersion": "kafka.strimzi.io/v1", "kind": kind, "metadata": metadata, "spec": spec}


async def apply_ready(kube: Kube, manifest: Manifest) -> Manifest:
    """Apply a resource and await that it is ready."""
    await kube.apply(manifest)
    return await await_ready(kube, manifest["kind"], NAMESPACE, manifest["metadata"]["name"])


@dataclass(frozen=True)
class Client:
    """A Kafka client on the host with a certificate's files."""

    directory: Path

    @classmethod
    async def of_user(cls, kubeconfig: Path, user: str, directory: Path) -> "Client":
        """Return the client of a KafkaUser that is ready."""
        await asyncio.to_thread(write_client_files, kubeconfig, directory, user=user)
        return cls(directory)

    def settings(self) -> dict[str, Any]:
        """Return aiokafka's arguments."""
        bootstrap = (self.directory / "bootstrap").read_text().strip()
        return {
            "bootstrap_servers": bootstrap,
            **KafkaSecurity(self.directory / "ca", self.directory / "user").settings(),
        }

    async def produce(self, topic: str, value: bytes) -> None:
        """Send one record and await its acknowledgement."""
        async with producing(**self.settings()) as producer:
            await producer.send_and_wait(topic, value)

    async def consume(self, topic: str) -> bytes:
        """Return the first record's value."""
        async with consuming(topic, **self.settings(), auto_offset_reset="earliest") as consumer:
            record = await asyncio.wait_for(consumer.getone(), PATIENCE_SECONDS)
        value: bytes = record.value
        return value

    async def partitions(self, topic: str) -> int:
        """Return how many partitions a topic has, 0 where there is no such topic."""
        async with administering(**self.settings()) as admin:
            [described] = await admin.describe_topics([topic])
        return len(described["partitions"])


async def eventually(
    holds: Callable[[], Awaitable[bool]], what: str, seconds: float = PATIENCE_SECONDS
) -> None:
    """Await that something holds which Kafka tells only to who asks.

    What can't be asked at this moment, such as a broker that is coming back, is asked again.

    Raises:
        AssertionError: it did not within `seconds`.
    """
    why = ""
    try:
        async with asyncio.timeout(seconds):
            while True:
                try:
                    if await holds():
                        return
                    why = ""
                except (KafkaError, KafkaException, aiohttp.ClientConnectionError) as error:
                    if not _is_passing(error):
                        raise
                    why = f": {error!r}"
                await asyncio.sleep(0.2)  # nothing tells of it
    except TimeoutError:
        raise AssertionError(f"not within {seconds} s: {what}{why}") from None


def _is_passing(error: Exception) -> bool:
    if isinstance(error, KafkaException):
        return is_outage(error)
    return not isinstance(error, KafkaError) or error.retriable or isinstance(error, KafkaTimeoutError)
