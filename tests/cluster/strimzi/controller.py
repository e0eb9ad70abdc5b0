"""Decides when a resource is looked at: when something woke it, or its reconciliation asked for it."""

import asyncio
import contextlib
import logging
import math
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import aiohttp
from confluent_kafka import KafkaException

from tests.cluster.strimzi.kube import ApiError

_RETRY_SECONDS = 1.0

logger = logging.getLogger(__name__)


class Key(NamedTuple):
    """Which resource of its kind."""

    namespace: str
    name: str


class RetryError(Exception):
    """What was wanted is not there yet; nobody's fault."""


class Controller:
    """Calls `reconcile` for one key after another; it returns the seconds until it is to be called again."""

    def __init__(self, kind: str, reconcile: Callable[[Key], Awaitable[float | None]]) -> None:
        self._kind = kind
        self._reconcile = reconcile
        self._due: dict[Key, float] = {}
        self._woken = asyncio.Event()

    def wake(self, key: Key, after: float = 0.0) -> None:
        """Let a key be looked at, at the latest in `after` seconds."""
        due = asyncio.get_running_loop().time() + after
        self._due[key] = min(due, self._due.get(key, math.inf))
        self._woken.set()

    async def run(self) -> None:
        """Reconcile until cancelled."""
        while True:
            key = await self._next()
            try:
                again = await self._reconcile(key)
            except (RetryError, ApiError, KafkaException, aiohttp.ClientError, TimeoutError) as error:
                logger.warning("%s %s/%s: %r; trying again", self._kind, *key, error)
                again = _RETRY_SECONDS
            if again is not None:
                self.wake(key, again)

    async def _next(self) -> Key:
        while True:
            self._woken.clear()
            key = min(self._due, key=self._due.__getitem__, default=None)
            wait = None if key is None else self._due[key] - asyncio.get_running_loop().time()
            if key is not None and wait is not None and wait <= 0:
                del self._due[key]
                return key
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._woken.wait()
