"""Kafka clients that wait for a broker which is coming back.

aiokafka looks for brokers once when it starts, and a Service may send a client to a restarted broker a moment
after it sends others.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaConnectionError, KafkaTimeoutError, NodeNotReadyError, RequestTimedOutError

from tests.cluster.waiting import PATIENCE_SECONDS

_AWAY = (KafkaConnectionError, KafkaTimeoutError, NodeNotReadyError, RequestTimedOutError)

Clients = AbstractAsyncContextManager[Any]  # of aiokafka, which has no types


def consuming(*topics: str, **settings: object) -> Clients:
    """Give a consumer that has started; it raises as aiokafka does when no broker answers for long."""
    return _connected(lambda: AIOKafkaConsumer(*topics, **settings), AIOKafkaConsumer.stop)


def producing(**settings: object) -> Clients:
    """Give a producer likewise."""
    return _connected(lambda: AIOKafkaProducer(**settings), AIOKafkaProducer.stop)


def administering(**settings: object) -> Clients:
    """Give an admin's client likewise."""
    return _connected(lambda: AIOKafkaAdminClient(**settings), AIOKafkaAdminClient.close)


@asynccontextmanager
async def _connected(make: Callable[[], Any], end: Callable[[Any], Awaitable[None]]) -> AsyncIterator[Any]:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + PATIENCE_SECONDS
    while True:
        client = make()
        try:
            try:
                await client.start()
            except _AWAY:
                if loop.time() > deadline:
                    raise
                await asyncio.sleep(0.5)  # nothing tells when a Service has a broker
                continue
            yield client
            return
        finally:
            await end(client)
