"""A stream of pictures with ids, and who has answered which."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from tests.tiny_version import picture

PER_SECOND = 20


@asynccontextmanager
async def traffic(settings: dict[str, Any], topic: str) -> AsyncIterator[list[str]]:
    """Send pictures for as long as the context lasts; give the ids of those that the topic has."""
    sent, stop = list[str](), asyncio.Event()
    async with AIOKafkaProducer(**settings, acks="all", enable_idempotence=True) as producer:
        sending = asyncio.create_task(_send(producer, topic, sent, stop))
        try:
            yield sent
        finally:
            stop.set()
            await sending


async def _send(producer: AIOKafkaProducer, topic: str, sent: list[str], stop: asyncio.Event) -> None:
    while not stop.is_set():
        name = f"{topic}-{len(sent)}"
        await producer.send_and_wait(topic, picture("red"), key=name.encode())
        sent.append(name)
        with suppress(TimeoutError):
            async with asyncio.timeout(1 / PER_SECOND):
                await stop.wait()


async def answers(
    settings: dict[str, Any], topic: str, wanted: set[str], seconds: float = 60
) -> Counter[str]:
    """Return how often each id is answered in a topic, as soon as all that are wanted are.

    Raises:
        AssertionError: some were not within `seconds`; the message has how many, and the first.
    """
    answered = Counter[str]()
    async with AIOKafkaConsumer(topic, **settings, auto_offset_reset="earliest") as consumer:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not wanted <= answered.keys():
                    answered[json.loads((await consumer.getone()).value)["id"]] += 1
    missing = sorted(wanted - answered.keys())
    assert not missing, f"{len(missing)} of {len(wanted)} are not answered in {topic}: {missing[:3]} ..."
    return answered
