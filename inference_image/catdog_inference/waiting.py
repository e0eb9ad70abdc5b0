"""Waits that end early: for an event, with growing intervals, and never by sleeping through a signal."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from time import monotonic

import structlog
from aiokafka.errors import KafkaConnectionError

from catdog_common.complaints import OVER

FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 30.0
RETELL_SECONDS = 60.0  # so that the end of a log has it

log = structlog.get_logger()


class Trouble:
    """A trouble that may last: each form of it is logged once a minute; pauses between attempts double."""

    def __init__(self, event: str, clock: Callable[[], float] = monotonic) -> None:
        self._event = event
        self._clock = clock
        self._began: float | None = None
        self._told, self._told_at = "", 0.0
        self._pause = FIRST_PAUSE_SECONDS

    def again(self, error: Exception, cause: str | None = None) -> float:
        """Tell what is wrong, if that is news; return the seconds to wait before the next attempt.

        `cause` is what the error itself does not say.
        """
        reason = cause or str(error) or type(error).__name__
        now = self._clock()
        self._began = now if self._began is None else self._began
        if reason != self._told or now - self._told_at >= RETELL_SECONDS:
            log.warning(self._event, error=reason)
            self._told, self._told_at = reason, now
        pause, self._pause = self._pause, min(2 * self._pause, LONGEST_PAUSE_SECONDS)
        return pause

    def over(self) -> None:
        """Forget it."""
        if self._told:
            log.info(OVER, trouble=self._event)
        self._told, self._began = "", None
        self._pause = FIRST_PAUSE_SECONDS

    def reason_after(self, seconds: float) -> str | None:
        """Return what is wrong, if anything has been for so long."""
        lasts = self._began is not None and self._clock() - self._began >= seconds
        return f"{self._event}: {self._told}" if lasts else None


async def is_set_within(event: asyncio.Event, seconds: float) -> bool:
    """Wait until the event is set, or so many seconds; return whether it is."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()


async def connected_within(seconds: float, starting: Awaitable[None]) -> None:
    """Await a client's start, but not for ever.

    An aiokafka client (0.14) whose first broker was just about to stop knows of no broker, and never ends.

    Raises:
        KafkaConnectionError: it took longer.
    """
    try:
        async with asyncio.timeout(seconds):
            await starting
    except TimeoutError as error:
        raise KafkaConnectionError(f"no connection within {seconds:g} s") from error


async def side_by_side(*works: Coroutine[None, None, None]) -> None:
    """Do all of these until the first has come to its end; raise what it raised."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


async def finished_before(event: asyncio.Event, work: Awaitable[None]) -> bool:
    """Await the work, but cancel it as soon as the event is set; return whether it came to its end."""
    working = asyncio.ensure_future(work)
    stopping = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            await working  # raises what it raised
        return working.done()
    finally:
        for task in (working, stopping):
            task.cancel()
        await asyncio.gather(working, stopping, return_exceptions=True)
