import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.cluster.strimzi.controller import Controller, Key, RetryError

PETS, ORDERS = Key("kafka", "pets"), Key("kafka", "orders")


class Journal:
    """A reconciliation that notes its calls and answers as it is told."""

    def __init__(self, *answers: float | Exception | None) -> None:
        self.calls: list[Key] = []
        self._answers = list(answers)
        self._called = asyncio.Event()

    async def reconcile(self, key: Key) -> float | None:
        self.calls.append(key)
        self._called.set()
        answer = self._answers.pop(0) if self._answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def await_calls(self, count: int) -> list[Key]:
        async with asyncio.timeout(60):
            while len(self.calls) < count:
                self._called.clear()
                await self._called.wait()
        return self.calls


@asynccontextmanager
async def running(controller: Controller) -> AsyncIterator[None]:
    task = asyncio.create_task(controller.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_a_key_that_was_woken_twice_is_looked_at_once() -> None:
    journal = Journal()
    controller = Controller("Kafka", journal.reconcile)
    controller.wake(PETS)
    controller.wake(PETS)
    controller.wake(ORDERS)
    async with running(controller):
        assert await journal.await_calls(2) == [PETS, ORDERS]
        await asyncio.sleep(0)
    assert journal.calls == [PETS, ORDERS]


async def test_a_key_is_looked_at_again_when_its_reconciliation_asked_for_it() -> None:
    journal = Journal(0.01)
    controller = Controller("Kafka", journal.reconcile)
    async with running(controller):
        controller.wake(PETS)
        assert await journal.await_calls(2) == [PETS, PETS]


async def test_a_failure_of_the_world_is_tried_again() -> None:
    journal = Journal(RetryError("not yet"))
    controller = Controller("Kafka", journal.reconcile)
    async with running(controller):
        controller.wake(PETS)
        assert await journal.await_calls(2) == [PETS, PETS]


async def test_an_event_comes_before_the_time_that_was_asked_for() -> None:
    journal = Journal(3600)
    controller = Controller("Kafka", journal.reconcile)
    async with running(controller):
        controller.wake(PETS)
        await journal.await_calls(1)
        controller.wake(PETS)
        assert await journal.await_calls(2) == [PETS, PETS]
