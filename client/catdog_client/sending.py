"""Sends photos, at a rate if one is asked for, and matches what comes back with what was sent."""

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from catdog_client.exchange import Exchange
from catdog_client.outcome import Outcome

Report = Callable[[Outcome], None]


class Sending(msgspec.Struct, frozen=True):
    """How photos are to be sent."""

    photos: tuple[Path, ...]
    wait: bool
    timeout: float  # seconds without an answer, after the last photo was sent
    rate: float | None = None  # photos a second
    repeat: bool = False  # over and over, until stopped


async def send_photos(exchange: Exchange, sending: Sending, report: Report, stop: asyncio.Event) -> None:
    """Send, and report each photo once: as it was sent, or (where answers are awaited) as it was answered.

    `stop` ends the sending; when it is set while answers alone are awaited, it ends that too.
    """
    if not sending.wait:
        await _send_all(exchange, sending, report, stop)
        return
    await exchange.listen()
    correspondence = _Correspondence(report)
    reader = asyncio.create_task(_read_replies(exchange, correspondence))
    try:
        await _send_all(exchange, sending, correspondence.sent, stop)
        correspondence.sending_ended()
        stop.clear()
        why_not = await _await_answers(correspondence, reader, sending.timeout, stop)
    finally:
        reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reader
    correspondence.give_up(why_not)


class _Correspondence:
    """What was sent and is not answered yet; an answer may come before the sender knows that it sent."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._pending: dict[str, Outcome] = {}
        self._early: dict[str, Outcome] = {}
        self._sending = True
        self.progressed = asyncio.Event()

    def sent(self, outcome: Outcome) -> None:
        if outcome.id is None:
            self._report(outcome)
        elif reply := self._early.pop(outcome.id, None):
            self._report(_joined(outcome, reply))
        else:
            self._pending[outcome.id] = outcome
        # What else came is others': photos are sent one after the other, and of those before all is known.
        self._early.clear()

    def replied(self, reply: Outcome) -> None:
        self.progressed.set()
        if reply.id is None:
            return
        if outcome := self._pending.pop(reply.id, None):
            self._report(_joined(outcome, reply))
        elif self._sending:
            self._early[reply.id] = reply

    def sending_ended(self) -> None:
        self._sending = False
        self._early.clear()

    @property
    def complete(self) -> bool:
        return not self._pending

    def give_up(self, why: str) -> None:
        for outcome in self._pending.values():
            self._report(msgspec.structs.replace(outcome, error=why))


async def _send_all(exchange: Exchange, sending: Sending, report: Report, stop: asyncio.Event) -> None:
    photos: Iterable[Path] = itertools.cycle(sending.photos) if sending.repeat else sending.photos
    clock = asyncio.get_running_loop().time
    start = clock()
    for number, photo in enumerate(photos):
        due = start + number / sending.rate if sending.rate else start
        if await _stopped_before(stop, due - clock()):
            return
        report(await exchange.send(photo))


async def _stopped_before(stop: asyncio.Event, seconds: float) -> bool:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), max(seconds, 0))
    return stop.is_set()


async def _read_replies(exchange: Exchange, correspondence: _Correspondence) -> None:
    async for reply in exchange.replies():
        correspondence.replied(reply)


async def _await_answers(
    correspondence: _Correspondence, reader: asyncio.Task[None], patience: float, stop: asyncio.Event
) -> str:
    """Wait; return why what has no answer then has none."""
    while not correspondence.complete:
        correspondence.progressed.clear()
        waiting = [asyncio.create_task(each.wait()) for each in (correspondence.progressed, stop)]
        done, _ = await asyncio.wait(
            {reader, *waiting}, timeout=patience, return_when=asyncio.FIRST_COMPLETED
        )
        for each in waiting:
            each.cancel()
        if reader in done:
            await reader  # it only ends by an error
        if stop.is_set():
            return "no answer until it was stopped"
        if not done:
            break
    return f"no answer within {patience:g} s: see `kubectl get catdogmodels`"


def _joined(sent: Outcome, reply: Outcome) -> Outcome:
    return msgspec.structs.replace(
        reply, file=sent.file, id=sent.id, partition=sent.partition, offset=sent.offset
    )
