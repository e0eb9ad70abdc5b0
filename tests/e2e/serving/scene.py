"""A model whose workers are struck while they answer, and what can be seen of it from outside."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from tests.cluster.strimzi.kube import Kube
from tests.cluster.waiting import PATIENCE_SECONDS
from tests.e2e.kafka_clients import Clients, administering
from tests.e2e.models import NAMESPACE, Model
from tests.e2e.processes import process_in_pod
from tests.e2e.serving.books import Books
from tests.e2e.sizes import Topics
from tests.e2e.strimzi import eventually
from tests.tiny_version import picture

NAME = "struck"
PARTITIONS = 6
BATCH = 8
WORKERS = 2
# What docs/explanation/records.md and the reference promise: four batches a worker.
IN_FLIGHT = 4 * BATCH

# Ten milliseconds and more to decode, so that a worker has its hands full.
PICTURES = [picture("red", (800, 800), "PNG")] * 100
FLOWING = 40  # outcomes after which a stream is under way

Pod = dict[str, Any]


@dataclass(frozen=True)
class Scene:
    """The model, its topics, and whoever looks on."""

    model: Model
    kube: Kube
    topics: Topics
    disk: Path  # where the broker writes

    async def workers(self) -> list[Pod]:
        """Return the pods that run and are not about to end, the oldest first."""
        pods = await asyncio.to_thread(self.model.workers)
        running = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"] and is_running(pod)]
        return sorted(running, key=lambda pod: str(pod["status"]["startTime"]))

    async def busy_worker(self, seconds: float = PATIENCE_SECONDS) -> Pod:
        """Return a worker that has records in flight, as soon as there is one."""
        async with asyncio.timeout(seconds):
            while True:
                for pod in await self.workers():
                    if await in_flight(pod):
                        return pod
                await asyncio.sleep(0.05)

    @asynccontextmanager
    async def load(self, books: Books, values: Sequence[bytes] = PICTURES) -> AsyncIterator[None]:
        """Keep records waiting while the context lasts; it begins when some have been answered."""
        stop = asyncio.Event()
        feeding = asyncio.create_task(books.feed(values, stop))
        try:
            await books.await_outcomes(min(FLOWING, len(values) // 2))
            yield
        finally:
            stop.set()
            await feeding

    async def kubectl(self, *arguments: str) -> str:
        """Run kubectl."""
        return await asyncio.to_thread(self.model.cluster.kubectl, *arguments)

    async def scale(self, replicas: int) -> None:
        """Scale the model, as a person does."""
        await self.kubectl("scale", "catdogmodel", self.model.name, "-n", NAMESPACE, f"--replicas={replicas}")

    async def await_ready(self, version: int) -> None:
        """Return when all workers of a version are ready."""
        await asyncio.to_thread(self.model.await_ready, version)

    async def await_members(self, count: int, seconds: float = PATIENCE_SECONDS) -> None:
        """Return when the consumer group has so many members, and is at rest."""

        async def holds() -> bool:
            return await self.members() == count

        await eventually(holds, f"the group has {count} members", seconds)

    async def members(self) -> int:
        """Return how many members the consumer group has when it is at rest, or else -1."""
        async with self.admin() as admin:
            [response] = await admin.describe_consumer_groups([self.group])
        [(_, _, state, _, _, members, *_)] = response.groups
        return len(members) if state in ("Stable", "Empty") else -1

    async def rebalances(self) -> int:
        """Return how often partitions were assigned to the workers that there are."""
        return sum([(await self.log(pod)).count("partitions assigned") for pod in await self.workers()])

    async def log(self, pod: Pod) -> str:
        """Return a worker's log."""
        return await self.kubectl("logs", pod["metadata"]["name"], "-n", NAMESPACE)

    async def settle(self, books: Books, seconds: float = PATIENCE_SECONDS) -> None:
        """Return when every record has come to something, is committed, and nobody has any in hand."""
        try:
            await eventually(self._is_settled(books), "all is answered and committed", seconds)
        finally:
            books.check()

    def _is_settled(self, books: Books) -> Callable[[], Awaitable[bool]]:
        async def holds() -> bool:
            if books.open or not books.ends().items() <= (await self.committed()).items():
                return False
            loads = await asyncio.gather(*map(in_flight, await self.workers()))
            return all(load == 0 for load in loads) and await books.are_up_to_date()

        return holds

    async def committed(self) -> dict[int, int]:
        """Return the offset that the group has committed in each partition."""
        async with self.admin() as admin:
            offsets = await admin.list_consumer_group_offsets(self.group)
        return {place.partition: known.offset for place, known in offsets.items()}

    @property
    def group(self) -> str:
        """The consumer group of the workers."""
        return f"catdog.{NAMESPACE}.{self.model.name}"

    def admin(self) -> Clients:
        """Give a connection by which Kafka says how groups are."""
        return administering(**self.topics.connection)


def is_running(pod: Pod) -> bool:
    """Whether the pod's container is."""
    return any("running" in each["state"] for each in pod["status"].get("containerStatuses", []))


async def in_flight(pod: Pod) -> float | None:
    """Return how many records a worker has taken and not committed; None if it does not answer."""
    return await metric(pod, "catdog_in_flight_records")


async def metric(pod: Pod, family: str) -> float | None:
    """Return the sum of what a worker says of a metric; None if it does not answer."""
    address = f"http://{pod['status']['podIP']}:8080/metrics"
    patience = aiohttp.ClientTimeout(2)
    try:
        async with aiohttp.ClientSession(timeout=patience) as session, session.get(address) as page:
            text = await page.text()
    except (aiohttp.ClientError, TimeoutError):  # it has just ended, or was stopped
        return None
    families = (each for each in text_string_to_metric_families(text) if each.name == family)
    return sum(sample.value for each in families for sample in each.samples if "_created" not in sample.name)


def signal_worker(pod: Pod, number: signal.Signals) -> None:
    """Send a signal to a pod's worker."""
    os.kill(process_in_pod(pod["metadata"]["uid"], "python3"), number)
