"""The tests' own way into the real Kafka, as the person `catdog-client`."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from aiokafka import TopicPartition

from catdog_common.kafka_security import KafkaSecurity
from tests.cluster.cache import REPOSITORY
from tests.cluster.commands import environment
from tests.cluster.instance import Instance
from tests.cluster.waiting import PATIENCE_SECONDS
from tests.e2e.kafka_clients import consuming, producing

Record = Any  # an aiokafka.ConsumerRecord, which is not typed


def settings(cluster: Instance) -> dict[str, Any]:
    """Return what an aiokafka client needs to reach the cluster's Kafka by its external listener."""
    told = cluster.environment()
    ca_dir, user_dir = (Path(told[f"CATDOG_KAFKA_{name}_DIR"]) for name in ("CA", "USER"))
    servers = told["CATDOG_KAFKA_BOOTSTRAP_SERVERS"]
    return {"bootstrap_servers": servers, **KafkaSecurity(ca_dir, user_dir).settings()}


def upload(
    cluster: Instance, directory: Path, topic: str, *options: str, user_dir: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Fill a topic by the command `catdog upload`, as the person `catdog-client` or as another."""
    kafka = {name: value for name, value in cluster.environment().items() if "_KAFKA_" in name}
    if user_dir is not None:
        kafka["CATDOG_KAFKA_USER_DIR"] = str(user_dir)
    path = {"PYTHONPATH": str(REPOSITORY / "client") + os.pathsep + str(REPOSITORY / "common")}
    command = (sys.executable, "-m", "catdog_client", *options, "upload", str(directory), "--topic", topic)
    return subprocess.run(command, env=environment(path | kafka), capture_output=True, text=True, check=False)


async def records_in(cluster: Instance, topic: str) -> list[Record]:
    """Return what a topic has at this moment, of each partition in its order."""
    async with consuming(**settings(cluster), max_partition_fetch_bytes=2**24) as consumer:
        partitions = [TopicPartition(topic, each) for each in sorted(await partitions_of(cluster, topic))]
        consumer.assign(partitions)
        await consumer.seek_to_beginning()
        ends = await consumer.end_offsets(partitions)
        found: list[Record] = []
        while any([await consumer.position(each) < ends[each] for each in partitions]):
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                found.extend(records)
    return sorted(found, key=lambda record: (record.partition, record.offset))


async def partitions_of(cluster: Instance, topic: str) -> set[int]:
    """Return the numbers of a topic's partitions."""
    async with producing(**settings(cluster)) as producer:
        return set(await producer.partitions_for(topic))


async def produce(
    cluster: Instance,
    topic: str,
    value: bytes,
    key: bytes | None = None,
    headers: list[tuple[str, bytes]] | None = None,
    partition: int | None = None,
) -> tuple[int, int]:
    """Send one record; return its partition and offset."""
    async with producing(**settings(cluster), max_request_size=2**24) as producer:
        sent = await producer.send_and_wait(topic, value, key=key, headers=headers or [], partition=partition)
    return sent.partition, sent.offset


async def first_record(
    cluster: Instance, topic: str, holds: Callable[[Record], bool], seconds: float = PATIENCE_SECONDS
) -> Record:
    """Return the first record of a topic, from its beginning, for which `holds` is true.

    Raises:
        TimeoutError: there was none within `seconds`.
    """
    return await first_record_at(settings(cluster), topic, holds, seconds)


async def first_record_at(
    connection: dict[str, Any], topic: str, holds: Callable[[Record], bool], seconds: float = PATIENCE_SECONDS
) -> Record:
    """Return the same of any Kafka.

    Raises:
        TimeoutError: there was none within `seconds`.
    """
    async with consuming(
        topic, **connection, auto_offset_reset="earliest", max_partition_fetch_bytes=2**24
    ) as consumer:
        async with asyncio.timeout(seconds):
            async for record in consumer:
                if holds(record):
                    return record
    raise AssertionError("a consumer's records never end")


def produce_apart(cluster: Instance, topic: str, values: Sequence[bytes], every_seconds: float = 0) -> None:
    """Send records from a thread of its own, where this one's event loop is somebody else's."""

    async def send() -> None:
        async with producing(**settings(cluster), max_request_size=2**24) as producer:
            for value in values:
                await producer.send_and_wait(topic, value)
                await asyncio.sleep(every_seconds)  # the pace

    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, send()).result()
