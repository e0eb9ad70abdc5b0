"""Lets photos into memory as long as they have room there together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Budget:
    """So many bytes that may be taken at the same time; who finds too few waits."""

    def __init__(self, size: int) -> None:
        self._size = self._left = size
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def take(self, size: int) -> AsyncIterator[None]:
        """Have so many bytes while the context lasts; who wants more than there are has all of them."""
        size = min(size, self._size)
        async with self._changed:
            await self._changed.wait_for(lambda: self._left >= size)
            self._left -= size
        try:
            yield
        finally:
            async with self._changed:
                self._left += size
                self._changed.notify_all()
