"""What an open page is told."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import anyio
import msgspec
import pytest
from sse_starlette import ServerSentEvent

from catdog_console.changes import Changes
from catdog_console.html import revision
from catdog_console.live import PART, Drawing, follow_state, follow_strip, merge, until
from catdog_console.views_of_kafka import Frame, Rates
from tests.unit.console.builders import EMPTY, SINCE, URL, an_answer

Told = tuple[str, str, str]  # kind, target, html


def told(event: ServerSentEvent) -> Told:
    """Return what an event says, as a browser reads it."""
    fields = dict(line.split(": ", 1) for line in event.encode().decode().splitlines() if ": " in line)
    data: dict[str, Any] = msgspec.json.decode(fields["data"])
    return fields["event"], data["target"], data["html"]


async def take(events: AsyncIterator[ServerSentEvent], count: int) -> list[Told]:
    async with asyncio.timeout(60):
        return [told(await anext(events)) for _ in range(count)]


async def test_a_page_is_told_what_it_does_not_have_and_then_only_what_changes() -> None:
    changes, fragments = Changes(), {"words": "Training", "versions": "none"}
    events = follow_state(changes, lambda: dict(fragments), "")
    assert await take(events, 2) == [("replace", "words", "Training"), ("replace", "versions", "none")]
    fragments["words"] = "a line\nand <b>another</b>"
    changes.announce()
    assert await take(events, 1) == [("replace", "words", "a line\nand <b>another</b>")]
    await events.aclose()


async def test_a_page_that_has_the_newest_is_told_nothing_until_something_changes() -> None:
    changes, fragments = Changes(), {"words": "Serving", "versions": "none"}
    events = follow_state(changes, lambda: dict(fragments), revision(fragments))
    waiting = asyncio.ensure_future(take(events, 1))
    await asyncio.sleep(0)
    assert not waiting.done()
    changes.announce()  # of another model
    fragments["versions"] = "one"
    changes.announce()
    assert await waiting == [("replace", "versions", "one")]
    await events.aclose()


async def test_a_page_has_a_revision_once_it_was_given_all_of_it() -> None:
    events = follow_state(Changes(), lambda: {"words": "a", "state": "b"}, "")
    first, last = await anext(events), await anext(events)
    assert (first.id, last.id) == (PART, revision({"words": "a", "state": "b"}))
    await events.aclose()


async def test_a_page_that_has_half_of_a_state_is_told_all_of_the_one_before_as_that_is_back() -> None:
    before = {"words": "a", "state": "b"}
    events = follow_state(Changes(), lambda: {"words": "c", "state": "d"}, revision(before))
    half = await anext(events)
    await events.aclose()
    again = follow_state(Changes(), lambda: before, str(half.id))
    assert await take(again, 2) == [("replace", "words", "a"), ("replace", "state", "b")]
    await again.aclose()


async def test_a_slow_page_is_told_the_newest_alone() -> None:
    changes, fragments = Changes(), {"words": "0"}
    events = follow_state(changes, lambda: dict(fragments), "")
    await take(events, 1)
    for number in range(1, 100):
        fragments["words"] = str(number)
        changes.announce()
    assert await take(events, 1) == [("replace", "words", "99")]
    await events.aclose()


async def frames_of(*frames: Frame) -> AsyncGenerator[Frame, None]:
    for frame in frames:
        yield frame


async def test_of_the_strip_a_page_is_given_each_answer_once() -> None:
    rates = Rates(SINCE, {"cat": 1.0}, 2, 0, 0)
    first, second, third = (an_answer(offset, identity=f"photo-{offset}") for offset in (1, 2, 3))
    stream = frames_of(EMPTY, Frame((second, first), rates), Frame((third, second, first), rates), EMPTY)
    seen = [told(each) async for each in follow_strip(Drawing(URL), stream)]
    items = [(kind, html.count("<li"), html) for kind, target, html in seen if target == "strip-items"]
    assert [(kind, count) for kind, count, _ in items] == [("replace", 0), ("replace", 2), ("prepend", 1)]
    assert "photo-3" in items[-1][2]
    assert items[1][2].index("photo-2") < items[1][2].index("photo-1"), "the newest is the first"
    assert [html.strip()[:9] for _, target, html in seen if target == "strip-rates"] == [
        "Nothing w",
        "A second:",
        "Nothing w",
    ]


async def test_trouble_with_kafka_is_told_and_taken_back() -> None:
    rates = Rates(None, {}, 0, 0, 0)
    stream = frames_of(Frame((), rates, "Kafka does not answer <here>."), EMPTY)
    seen = [told(each) async for each in follow_strip(Drawing(URL), stream)]
    troubles = [html for _, target, html in seen if target == "strip-trouble"]
    assert "Kafka does not answer &lt;here&gt;." in troubles[0]
    assert troubles[1].strip() == ""


async def test_streams_are_merged_until_one_ends_and_all_are_closed() -> None:
    closed: list[str] = []

    async def stream(name: str, count: int) -> AsyncGenerator[ServerSentEvent, None]:
        try:
            for _ in range(count):
                yield ServerSentEvent(name)
                await asyncio.sleep(0)
            if count > 100:
                await asyncio.Event().wait()
        finally:
            closed.append(name)

    seen = [str(each.data) async for each in merge(stream("a", 3), stream("b", 101))]
    assert seen.count("a") == 3
    assert "b" in seen
    assert sorted(closed) == ["a", "b"]


async def test_who_closes_a_page_closes_what_it_was_told() -> None:
    closed = asyncio.Event()

    async def endless() -> AsyncGenerator[ServerSentEvent, None]:
        try:
            while True:
                yield ServerSentEvent("x")
        finally:
            closed.set()

    events = merge(endless())
    await anext(events)
    await events.aclose()
    assert closed.is_set()


async def test_a_mistake_in_a_stream_comes_out() -> None:
    async def broken() -> AsyncGenerator[ServerSentEvent, None]:
        yield ServerSentEvent("x")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        [each async for each in merge(broken())]


async def test_what_waits_ends_as_the_server_does_and_leaves_no_task_behind() -> None:
    async def silent() -> AsyncGenerator[ServerSentEvent, None]:
        await asyncio.Event().wait()
        yield ServerSentEvent("never")

    over = anyio.Event()
    events = merge(silent(), until(over))
    waiting = asyncio.ensure_future(anext(events, None))
    await asyncio.sleep(0)
    over.set()
    assert await waiting is None
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_page_that_is_closed_while_nothing_comes_leaves_no_task_behind() -> None:
    events = merge(until(anyio.Event()))
    waiting = asyncio.ensure_future(anext(events))
    await asyncio.sleep(0.01)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert asyncio.all_tasks() == {asyncio.current_task()}
