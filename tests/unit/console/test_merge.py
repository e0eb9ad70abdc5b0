"""Events of several streams in one."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest
from sse_starlette import ServerSentEvent

from catdog_console.live import event, merge

Stream = AsyncGenerator[ServerSentEvent, None]


async def stream(*names: str, endless: bool = True) -> Stream:
    for name in names:
        yield event("replace", name, "")
    if endless:
        await asyncio.Event().wait()


async def test_all_events_come_and_of_each_stream_in_its_order() -> None:
    merged = merge(stream("a", "b"), stream("c"))
    came = [str((await anext(merged)).data) for _ in range(3)]
    assert [each for each in came if '"c"' not in each] == sorted(each for each in came if '"c"' not in each)
    assert len(set(came)) == 3


async def test_it_ends_with_the_first_stream_that_does() -> None:
    async with asyncio.timeout(10):
        assert [each async for each in merge(stream("a", endless=False), stream())]


async def test_a_page_that_is_closed_leaves_nothing_running() -> None:
    before = asyncio.all_tasks()
    async with aclosing(merge(stream("a"), stream())) as merged:
        await anext(merged)
        waiting = asyncio.ensure_future(anext(merged))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert asyncio.all_tasks() == before
