"""In which order, and how often, the queue hands out keys."""

import asyncio

import pytest

from catdog_operator.delay_queue import DelayQueue


async def taken(queue: DelayQueue[str]) -> str:
    async with queue.take() as key:
        return key


async def test_keys_come_in_the_order_in_which_they_are_due() -> None:
    queue = DelayQueue[str]()
    await queue.put("later", 0.02)
    await queue.put("sooner", 0.01)
    await queue.put("now")
    assert [await taken(queue) for _ in range(3)] == ["now", "sooner", "later"]


async def test_a_key_is_in_the_queue_once_and_keeps_its_earliest_time() -> None:
    queue = DelayQueue[str]()
    await queue.put("a", 60)
    await queue.put("a")
    await queue.put("a", 30)
    assert await taken(queue) == "a"
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(taken(queue), 0.02)


async def test_a_key_that_a_worker_has_waits_for_it_and_lets_others_pass() -> None:
    queue = DelayQueue[str]()
    await queue.put("a")
    async with queue.take() as first:
        await queue.put("a")
        await queue.put("b")
        assert (first, await taken(queue)) == ("a", "b")
        waiting = asyncio.create_task(taken(queue))
        await asyncio.sleep(0.01)
        assert not waiting.done()
    assert await waiting == "a"


async def test_a_worker_that_waits_wakes_up_for_a_key_that_is_put() -> None:
    queue = DelayQueue[str]()
    await queue.put("much later", 60)
    waiting = asyncio.create_task(taken(queue))
    await asyncio.sleep(0)
    await queue.put("now")
    assert await asyncio.wait_for(waiting, 30) == "now"


async def test_a_key_is_given_back_when_its_worker_fails() -> None:
    queue = DelayQueue[str]()
    await queue.put("a")
    with pytest.raises(ZeroDivisionError):
        async with queue.take():
            raise ZeroDivisionError
    await queue.put("a")
    assert await asyncio.wait_for(taken(queue), 30) == "a"
