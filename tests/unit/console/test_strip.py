"""What the strip counts, shows and leaves out; how it is fed by a broker is tried in tests/bare."""

import asyncio
import time
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Literal

from catdog_client.seen import Seen
from catdog_console.strip import DEAD_LETTER, PERIOD_SECONDS, SHOWN, Strip

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Clock:
    """A clock that stands still until it is told."""

    now = 1000.5

    def __call__(self) -> float:
        return self.now


def seen(number: int, label: str = "cat", kind: Literal["Answer", "DeadLetter"] = "Answer") -> Seen:
    return Seen(kind=kind, id=str(number), time="", topic="t", partition=0, offset=number, label=label)


async def no_picture(_: Seen) -> str | None:
    return None


async def shown_of(strip: Strip, count: int) -> list[str]:
    """Run the strip until so many are shown; return them, newest first."""
    running = asyncio.create_task(strip.run(no_picture))
    try:
        async with asyncio.timeout(120), aclosing(strip.frames()) as frames:
            async for frame in frames:
                if len(frame.shown) >= count:
                    return [each.seen.id for each in frame.shown]
    finally:
        running.cancel()
    raise AssertionError("frames have no end")


async def test_a_burst_is_shown_one_after_the_other_and_of_more_the_oldest_are_not() -> None:
    strip = Strip(Clock(), lambda: NOON)
    strip.begin()
    for number in range(10):
        strip.take(seen(number))
    assert await shown_of(strip, 8) == ["9", "8", "7", "6", "5", "4", "3", "2"]
    rates = strip.frame.rates
    assert (rates.answers, rates.not_shown, rates.since) == (10, 2, NOON)


async def test_as_many_are_shown_as_fit_and_each_period_one_more() -> None:
    strip = Strip(Clock(), lambda: NOON)
    for number in range(5):
        strip.take(seen(number))
    begin = time.monotonic()
    assert await shown_of(strip, 5) == ["4", "3", "2", "1", "0"]
    assert time.monotonic() - begin >= 4 * PERIOD_SECONDS
    for number in range(5, SHOWN + 1):
        strip.take(seen(number))
    running = asyncio.create_task(strip.run(no_picture))
    async with asyncio.timeout(120), aclosing(strip.frames()) as frames:
        async for frame in frames:
            if frame.shown[0].seen.id == str(SHOWN):
                break
    running.cancel()
    assert [each.seen.id for each in frame.shown] == [str(each) for each in range(SHOWN, 0, -1)]
    assert frame.rates.not_shown == 0


def test_rates_are_means_of_the_last_ten_whole_seconds() -> None:
    clock = Clock()
    strip = Strip(clock, lambda: NOON)
    strip.begin()
    for label in ("cat", "cat", "dog"):
        strip.take(seen(1, label))
    strip.take(seen(2, "", "DeadLetter"))
    strip.take(seen(3, "a label that nobody knows"))
    assert strip.rates().per_second == {"cat": 0.0, "dog": 0.0, "unknown": 0.0, DEAD_LETTER: 0.0}
    clock.now += 1
    assert strip.rates().per_second == {"cat": 2.0, "dog": 1.0, "unknown": 0.0, DEAD_LETTER: 1.0}
    clock.now += 1
    assert strip.rates().per_second["cat"] == 1.0
    clock.now += 8
    assert strip.rates().per_second["cat"] == 0.2
    clock.now += 1
    assert strip.rates().per_second["cat"] == 0.0
    assert (strip.rates().answers, strip.rates().dead_letters) == (4, 1)


async def test_trouble_is_told_at_once_and_who_begins_anew_counts_anew() -> None:
    clock = Clock()
    strip = Strip(clock, lambda: NOON)
    strip.begin()
    strip.take(seen(1))
    async with aclosing(strip.frames()) as frames:
        assert (await anext(frames)).trouble is None
        strip.fail("Kafka is away.")
        assert (await anext(frames)).trouble == "Kafka is away."
        strip.recover()
        frame = await anext(frames)
        assert (frame.trouble, frame.rates.answers) == (None, 1)
        strip.begin()
        assert (await anext(frames)).rates.answers == 0


async def test_who_is_slow_is_given_what_is_newest() -> None:
    strip = Strip(Clock(), lambda: NOON)
    async with aclosing(strip.frames()) as frames:
        await anext(frames)
        for trouble in "abc":
            strip.fail(trouble)
        assert (await anext(frames)).trouble == "c"
