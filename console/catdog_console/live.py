"""What an open page is told while it is open, as Server-Sent Events: fragments, and where each belongs."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing

import msgspec
from sse_starlette import ServerSentEvent

from catdog_console.changes import Changes
from catdog_console.html import RATES, STRIP, TROUBLE, revision, strip_fragments, strip_item
from catdog_console.traffic_view import view_frame
from catdog_console.views_of_kafka import Frame

RETRY_MILLISECONDS = 3000  # after which a browser connects anew

Fragments = Mapping[str, str]


def event(kind: str, target: str, html: str, number: str | None = None) -> ServerSentEvent:
    """Return an event: `replace` the content of the element `target`, or `prepend` to it."""
    data = msgspec.json.encode({"target": target, "html": html}).decode()
    return ServerSentEvent(data, event=kind, id=number, retry=RETRY_MILLISECONDS)


async def follow_state(
    changes: Changes, render: Callable[[], Fragments], seen: str
) -> AsyncGenerator[ServerSentEvent, None]:
    """Yield what of a page is other than what it has; it has what the revision `seen` stands for, or nothing.

    A page that is slow is told less often, and then what is newest.
    """
    number = -1
    sent: dict[str, str] = {}
    while True:
        number = await changes.after(number)
        fragments = render()
        now = revision(fragments)
        if not sent and now == seen:
            sent = dict(fragments)
        for target, html in fragments.items():
            if sent.get(target) != html:
                yield event("replace", target, html, now)
        sent = dict(fragments)


async def follow_strip(
    url: str, frames: AsyncGenerator[Frame, None]
) -> AsyncGenerator[ServerSentEvent, None]:
    """Yield what of the strip is new: items are added, so that a picture is fetched once."""
    shown: frozenset[str] = frozenset()
    sent: dict[str, str] = {}
    async with aclosing(frames):
        async for frame in frames:
            strip = view_frame(url, frame)
            fragments = strip_fragments(strip)
            new = [each for each in strip.items if each.key not in shown]
            if not shown:
                yield event("replace", STRIP, fragments[STRIP])
            elif new:
                yield event("prepend", STRIP, "".join(map(strip_item, new)))
            for target in (RATES, TROUBLE):
                if sent.get(target) != fragments[target]:
                    yield event("replace", target, fragments[target])
            shown, sent = frozenset(each.key for each in strip.items), dict(fragments)


async def merge(*streams: AsyncGenerator[ServerSentEvent, None]) -> AsyncGenerator[ServerSentEvent, None]:
    """Yield the events of several streams, until one ends or fails; none runs ahead of who reads."""
    queue: asyncio.Queue[ServerSentEvent] = asyncio.Queue(1)

    async def put(stream: AsyncGenerator[ServerSentEvent, None]) -> None:
        async with aclosing(stream):
            async for each in stream:
                await queue.put(each)

    tasks = [asyncio.create_task(put(stream)) for stream in streams]
    try:
        while True:
            getting = asyncio.create_task(queue.get())
            try:
                done, _ = await asyncio.wait({getting, *tasks}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                getting.cancel()  # who has got something is left alone by that
            if getting not in done:
                for task in tasks:
                    if task in done:
                        task.result()
                return
            yield getting.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
