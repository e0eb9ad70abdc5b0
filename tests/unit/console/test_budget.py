"""How much of photos is in memory at the same time."""

import asyncio

import pytest

from catdog_console.budget import Budget


async def test_who_finds_too_few_bytes_waits_until_there_are_enough() -> None:
    budget, order = Budget(10), list[str]()

    async def take(name: str, size: int, ended: asyncio.Event) -> None:
        async with budget.take(size):
            order.append(name)
            await ended.wait()

    ends = {name: asyncio.Event() for name in "abc"}
    tasks = [
        asyncio.create_task(take(name, size, ends[name])) for name, size in zip("abc", (6, 6, 4), strict=True)
    ]
    await asyncio.sleep(0.01)
    assert order == ["a", "c"], "b has no room beside them"
    ends["c"].set()
    await asyncio.sleep(0.01)
    assert order == ["a", "c"]
    ends["a"].set()
    ends["b"].set()
    async with asyncio.timeout(60):
        await asyncio.gather(*tasks)
    assert order == ["a", "c", "b"]


async def test_more_than_there_is_takes_all_and_a_failure_gives_back() -> None:
    budget = Budget(10)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            async with asyncio.timeout(60), budget.take(1000):
                raise ZeroDivisionError


async def test_who_goes_away_while_waiting_takes_nothing() -> None:
    budget = Budget(10)
    async with budget.take(10):
        waiting = asyncio.create_task(budget.take(10).__aenter__())
        await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    async with asyncio.timeout(60), budget.take(10):
        pass
