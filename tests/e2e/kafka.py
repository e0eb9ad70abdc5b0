"""The tests' own way into the real Kafka, as the person `catdog-client`."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from catdog_common.kafka_security import KafkaSecurity
from tests.cluster.instance import Instance

Record = Any  # an aiokafka.ConsumerRecord, which is not typed


def settings(cluster: Instance) -> dict[str, Any]:
    """Return what an aiokafka client needs to reach the cluster's Kafka by its external listener."""
    environment = cluster.environment()
    ca_dir, user_dir = (Path(environment[f"CATDOG_KAFKA_{name}_DIR"]) for name in ("CA", "USER"))
    servers = environment["CATDOG_KAFKA_BOOTSTRAP_SERVERS"]
    return {"bootstrap_servers": servers, **KafkaSecurity(ca_dir, user_dir).settings()}


async def produce(
    cluster: Instance,
    topic: str,
    value: bytes,
    key: bytes | None = None,
    headers: list[tuple[str, bytes]] | None = None,
    partition: int | None = None,
) -> tuple[int, int]:
    """Send one record; return its partition and offset."""
    producer = AIOKafkaProducer(**settings(cluster), max_request_size=2**24)
    await producer.start()
    try:
        sent = await producer.send_and_wait(topic, value, key=key, headers=headers or [], partition=partition)
    finally:
        await producer.stop()
    return sent.partition, sent.offset


async def first_record(
    cluster: Instance, topic: str, holds: Callable[[Record], bool], seconds: float = 60
) -> Record:
    """Return the first record of a topic, from its beginning, for which `holds` is true.

    Raises:
        TimeoutError: there was none within `seconds`.
    """
    return await first_record_at(settings(cluster), topic, holds, seconds)


async def first_record_at(
    connection: dict[str, Any], topic: str, holds: Callable[[Record], bool], seconds: float = 60
) -> Record:
    """Return the same of any Kafka.

    Raises:
        TimeoutError: there was none within `seconds`.
    """
    consumer = AIOKafkaConsumer(
        topic, **connection, auto_offset_reset="earliest", max_partition_fetch_bytes=2**24
    )
    await consumer.start()
    try:
        async with asyncio.timeout(seconds):
            async for record in consumer:
                if holds(record):
                    return record
    finally:
        await consumer.stop()
    raise AssertionError("a consumer's records never end")
