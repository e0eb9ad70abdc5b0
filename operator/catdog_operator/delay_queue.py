"""A queue of keys that are due at some time; each key is in it once, and with one worker at a time."""

import asyncio
import heapq
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

K = TypeVar("K")


class DelayQueue(Generic[K]):
    """Hands out keys when they are due.

    A key that is put again keeps its earlier time; one that is put while a worker has it comes again.
    """

    def __init__(self) -> None:
        self._due: dict[K, float] = {}
        self._heap: list[tuple[float, int, K]] = []
        self._count = 0
        self._taken: set[K] = set()
        self._changed = asyncio.Condition()

    async def put(self, key: K, delay: float = 0) -> None:
        """Let `key` be due in `delay` seconds."""
        async with self._changed:
            due = asyncio.get_running_loop().time() + delay
            if due < self._due.get(key, float("inf")):
                self._due[key] = due
                self._count += 1
                heapq.heappush(self._heap, (due, self._count, key))
                self._changed.notify()

    def overdue(self) -> int:
        """Return how many keys are due and with no worker."""
        now = asyncio.get_running_loop().time()
        return sum(due <= now for due in self._due.values())

    @asynccontextmanager
    async def take(self) -> AsyncIterator[K]:
        """Wait until a key is due, and keep it from other workers as long as the context lasts."""
        async with self._changed:
            while (key := self._pop()) is None:
                await self._wait()
            self._taken.add(key)
            self._changed.notify()  # for another worker to watch over what is due next
        try:
            yield key
        finally:
            async with self._changed:
                self._taken.discard(key)
                self._changed.notify()

    def _pop(self) -> K | None:
        """Return a key that is due and with no worker, and take it out."""
        now, passed = asyncio.get_running_loop().time(), []
        found = None
        while self._heap and self._heap[0][0] <= now and found is None:
            entry = heapq.heappop(self._heap)
            if self._due.get(entry[2]) != entry[0]:
                continue  # an earlier time replaced this one
            if entry[2] in self._taken:
                passed.append(entry)
            else:
                found = entry[2]
                del self._due[found]
        for entry in passed:
            heapq.heappush(self._heap, entry)
        return found

    def _earliest(self) -> float:
        due, _, key = self._heap[0]
        if key not in self._taken:
            return due
        return min((due for due, _, key in self._heap if key not in self._taken), default=float("inf"))

    async def _wait(self) -> None:
        """Wait until a key is put or given back, or the next one that is with no worker is due."""
        timeout = self._earliest() - asyncio.get_running_loop().time() if self._heap else None
        try:
            async with asyncio.timeout(timeout):
                await self._changed.wait()
        except TimeoutError:
            return
