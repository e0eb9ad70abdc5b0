"""What an open page is told while it is open, as Server-Sent Events: fragments, and where each belongs."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing

import anyio
import msgspec
from sse_starlette import ServerSentEvent

from catdog_console.changes import Changes
from catdog_console.html import RATES, STRIP, TROUBLE, revision, strip_fragments, strip_item
from catdog_console.traffic_view import StripView, view_frame
from catdog_console.views_of_kafka import Frame

RETRY_MILLISECONDS = 3000  # after which a browser connects anew
PART = "part"  # in place of the revision of who was given some of a state alone

NOTHING: tuple[ServerSentEvent, ...] = ()  # which makes a generator of what yields it

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
        other = [(target, html) for target, html in fragments.items() if sent.get(target) != html]
        for position, (target, html) in enumerate(other, start=1):
            # Only who was given the last one has the revision, and may say so when it connects anew;
            # between two, a page has neither what it had before.
            yield event("replace", target, html, now if position == len(other) else PART)
        sent = dict(fragments)


class Drawing:
    """Draws each frame of the strip of one model once, however many pages show it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._last: tuple[Frame, StripView, Fragments] | None = None

    def draw(self, frame: Frame) -> tuple[StripView, Fragments]:
        """Return a frame as it is shown, and rendered."""
        if self._last is None or self._last[0] is not frame:
            strip = view_frame(self._url, frame)
            self._last = frame, strip, strip_fragments(strip)
        return self._last[1:]


async def follow_strip(
    drawing: Drawing, frames: AsyncGenerator[Frame, None]
) -> AsyncGenerator[ServerSentEvent, None]:
    """Yield what of the strip is new: items are added, so that a picture is fetched once."""
    shown: frozenset[str] = frozenset()
    sent: Fragments = {}
    async with aclosing(frames):
        async for frame in frames:
            strip, fragments = drawing.draw(frame)
            new = [each for each in strip.items if each.key not in shown]
            if not shown:
                yield event("replace", STRIP, fragments[STRIP])
            elif new:
                yield event("prepend", STRIP, "".join(map(strip_item, new)))
            for target in (RATES, TROUBLE):
                if sent.get(target) != fragments[target]:
                    yield event("replace", target, fragments[target])
            shown, sent = frozenset(each.key for each in strip.items), fragments


async def until(over: anyio.Event) -> AsyncGenerator[ServerSentEvent, None]:
    """Yield nothing, and end as the server does: what it is merged with then ends in good order."""
    await over.wait()
    for each in NOTHING:
        yield each


async def merge(*streams: AsyncGenerator[ServerSentEvent, None]) -> AsyncGenerator[ServerSentEvent, None]:
    """Yield the events of several streams, until one ends or fails; none runs ahead of who reads."""
    queue: asyncio.Queue[ServerSentEvent] = asyncio.Queue(1)
    tasks = [asyncio.create_task(_put(stream, queue)) for stream in streams]
    getting: asyncio.Task[ServerSentEvent] | None = None
    try:
        while True:
            getting = asyncio.create_task(queue.get())
            done, _ = await asyncio.wait({getting, *tasks}, return_when=asyncio.FIRST_COMPLETED)
            if getting not in done:
                break
            yield getting.result()
        for task in done.intersection(tasks):
            task.result()
    finally:
        every = [*tasks, *([getting] if getting else [])]
        for task in every:
            task.cancel()
        await asyncio.gather(*every, return_exceptions=True)


async def _put(stream: AsyncGenerator[ServerSentEvent, None], queue: asyncio.Queue[ServerSentEvent]) -> None:
    async with aclosing(stream):
        async for each in stream:
            await queue.put(each)
