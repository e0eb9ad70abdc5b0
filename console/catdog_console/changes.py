"""Wakes those who wait for a change; who is slow finds the newest state, and nothing piles up for anyone."""

import asyncio


class Changes:
    """A counter of changes that can be awaited, on one event loop."""

    def __init__(self) -> None:
        self.number = 0
        self._happened = asyncio.Event()

    def announce(self) -> None:
        """Tell everyone that something has changed."""
        self.number += 1
        happened, self._happened = self._happened, asyncio.Event()
        happened.set()

    async def after(self, number: int) -> int:
        """Return the number of the newest change as soon as there is a later one than `number`."""
        if self.number <= number:
            await self._happened.wait()
        return self.number
