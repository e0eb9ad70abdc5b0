import asyncio
import gc
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from catdog_client.outcome import Outcome, as_json, as_table
from catdog_client.sending import Sending, send_photos


class FakeExchange:
    """Takes every photo; replies to those that `answers` names, before or after the sender knows its id."""

    def __init__(self, answers: dict[str, Outcome], *, early: bool = False) -> None:
        self._answers = answers
        self._early = early
        self._replies: asyncio.Queue[Outcome] = asyncio.Queue()
        self.journal: list[str] = []

    async def listen(self) -> None:
        self.journal.append("listen")

    async def send(self, photo: Path) -> Outcome:
        self.journal.append(f"send {photo}")
        if reply := self._answers.get(str(photo)):
            self._replies.put_nowait(reply)
        if self._early:
            await asyncio.sleep(0.01)
        return Outcome(file=str(photo), id=f"id-{photo}", partition=1, offset=len(self.journal))

    async def replies(self) -> AsyncIterator[Outcome]:
        while True:
            yield await self._replies.get()


def cat(file: str) -> Outcome:
    return Outcome(file="", id=f"id-{file}", label="cat", probabilities={"cat": 0.9, "dog": 0.1}, version=3)


async def outcomes_of(
    exchange: FakeExchange, *files: str, wait: bool = True, patience: float = 60
) -> list[Outcome]:
    outcomes: list[Outcome] = []
    sending = Sending(photos=tuple(map(Path, files)), wait=wait, timeout=patience)
    await send_photos(exchange, sending, outcomes.append, asyncio.Event())  # type: ignore[arg-type]
    return outcomes


async def test_answers_are_awaited_from_before_the_first_photo_is_sent() -> None:
    exchange = FakeExchange({"a.jpg": cat("a.jpg")})
    await outcomes_of(exchange, "a.jpg")
    assert exchange.journal == ["listen", "send a.jpg"]


async def test_an_answer_is_matched_with_its_photo_by_id() -> None:
    exchange = FakeExchange({"a.jpg": cat("b.jpg"), "b.jpg": cat("a.jpg")})
    outcomes = await outcomes_of(exchange, "a.jpg", "b.jpg")
    assert [(each.file, each.label, each.partition) for each in outcomes] == [
        ("b.jpg", "cat", 1),
        ("a.jpg", "cat", 1),
    ]


async def test_an_answer_that_outruns_the_acknowledgement_is_not_lost() -> None:
    exchange = FakeExchange({"a.jpg": cat("a.jpg")}, early=True)
    [outcome] = await outcomes_of(exchange, "a.jpg")
    assert (outcome.file, outcome.label) == ("a.jpg", "cat")


async def test_answers_to_what_others_send_are_not_kept() -> None:
    stop, kept = asyncio.Event(), dict[int, int]()

    class Busy(FakeExchange):
        """Others send ten photos while we send one, a hundred times."""

        async def send(self, photo: Path) -> Outcome:
            for number in range(10):
                self._replies.put_nowait(cat(f"theirs-{len(self.journal)}-{number}"))
            sent = await super().send(photo)
            if (number := len(self.journal)) in (10, 100):
                kept[number] = sum(isinstance(each, Outcome) for each in gc.get_objects())
            if number == 100:
                stop.set()
            return msgspec.structs.replace(sent, id=str(number))

    sending = Sending(photos=(Path("a"),), wait=True, timeout=0.01, repeat=True)
    await send_photos(Busy({}, early=True), sending, lambda _: None, stop)  # type: ignore[arg-type]
    assert kept[100] - kept[10] < 200  # of 900 that came: our own wait for their answers


async def test_a_photo_without_an_answer_is_reported_as_such() -> None:
    exchange = FakeExchange({"a.jpg": cat("a.jpg")})
    outcomes = await outcomes_of(exchange, "a.jpg", "b.jpg", patience=0.05)
    assert [(each.file, each.error is None) for each in outcomes] == [("a.jpg", True), ("b.jpg", False)]
    assert str(outcomes[1].error).startswith("no answer within 0.05 s")


@pytest.mark.parametrize("repeat", [False, True])
async def test_who_stops_it_while_it_waits_need_not_wait(*, repeat: bool) -> None:
    exchange, stop, outcomes = FakeExchange({"b.jpg": cat("b.jpg")}), asyncio.Event(), list[Outcome]()
    sending = Sending(photos=(Path("a.jpg"),), wait=True, timeout=60, rate=50, repeat=repeat)
    task = asyncio.create_task(send_photos(exchange, sending, outcomes.append, stop))  # type: ignore[arg-type]
    while not exchange.journal[1:]:  # noqa: ASYNC110 - nothing tells of it
        await asyncio.sleep(0.01)
    if repeat:
        stop.set()  # what is sent then is waited for
        await asyncio.sleep(0.1)
        assert not task.done()
    else:
        await asyncio.sleep(0.01)
    stop.set()
    async with asyncio.timeout(5):
        await task
    assert {each.error for each in outcomes} == {"no answer until it was stopped"}


async def test_without_waiting_each_photo_is_reported_as_sent() -> None:
    exchange = FakeExchange({})
    [outcome] = await outcomes_of(exchange, "a.jpg", wait=False)
    assert (outcome.file, outcome.partition, outcome.offset) == ("a.jpg", 1, 1)
    assert exchange.journal == ["send a.jpg"]


async def test_photos_go_round_and_round_until_it_is_stopped() -> None:
    exchange, stop = FakeExchange({}), asyncio.Event()
    sending = Sending(photos=(Path("a"), Path("b")), wait=False, timeout=1, repeat=True)
    sent: list[str] = []

    def report(outcome: Outcome) -> None:
        sent.append(outcome.file)
        if len(sent) == 5:
            stop.set()

    await send_photos(exchange, sending, report, stop)  # type: ignore[arg-type]
    assert sent == ["a", "b", "a", "b", "a"]


def test_an_outcome_is_one_json_object_without_what_it_has_not() -> None:
    assert as_json(Outcome(file="a.jpg", error="is no image")) == '{"file":"a.jpg","error":"is no image"}'


def test_the_table_names_the_error_where_there_is_no_answer() -> None:
    console = Console(width=120, record=True)
    console.print(as_table([cat("a.jpg"), Outcome(file="b.txt", error="is no image")], answered=True))
    text = console.export_text()
    assert "0.900" in text
    assert "is no image" in text
