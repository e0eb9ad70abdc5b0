import asyncio

import pytest
from structlog.testing import capture_logs

from catdog_inference.waiting import (
    LONGEST_PAUSE_SECONDS,
    RETELL_SECONDS,
    Trouble,
    finished_before,
    is_set_within,
)
from tests.unit.inference.test_health import Clock


def test_a_trouble_is_told_once_until_it_changes_or_ends() -> None:
    trouble = Trouble("no Kafka")
    with capture_logs() as logs:
        trouble.over()
        for _ in range(3):
            trouble.again(OSError("refused"))
        trouble.again(OSError("unreachable"))
        trouble.over()
        trouble.again(OSError("refused"))
    told = [(log["log_level"], log.get("error", log["event"])) for log in logs]
    assert told == [
        ("warning", "refused"),
        ("warning", "unreachable"),
        ("info", "a trouble is over"),
        ("warning", "refused"),
    ]


def test_a_trouble_that_lasts_is_told_again_and_for_how_long_is_known() -> None:
    clock = Clock()
    trouble = Trouble("no Kafka", clock)
    with capture_logs() as logs:
        for seconds in (0.0, 1.0, RETELL_SECONDS - 1, 1.0):
            clock.now += seconds
            trouble.again(OSError("refused"))
    assert len(logs) == 2
    assert trouble.reason_after(RETELL_SECONDS + 1) == "no Kafka: refused"
    assert trouble.reason_after(RETELL_SECONDS + 2) is None
    trouble.over()
    assert trouble.reason_after(0) is None


def test_pauses_double_up_to_a_bound_and_begin_anew() -> None:
    trouble = Trouble("no Kafka")
    pauses = [trouble.again(OSError()) for _ in range(12)]
    assert pauses[:4] == [0.25, 0.5, 1, 2]
    assert pauses[-1] == LONGEST_PAUSE_SECONDS
    trouble.over()
    assert trouble.again(OSError()) == 0.25


async def test_a_wait_ends_with_its_event_or_its_time() -> None:
    event = asyncio.Event()
    assert not await is_set_within(event, 0.01)
    event.set()
    assert await is_set_within(event, 60)


async def test_work_is_cancelled_by_the_event_and_raises_what_it_raised() -> None:
    event = asyncio.Event()
    assert await finished_before(event, asyncio.sleep(0))

    async def fail() -> None:
        raise OSError("refused")

    with pytest.raises(OSError, match="refused"):
        await finished_before(event, fail())
    work = asyncio.ensure_future(asyncio.sleep(60))
    asyncio.get_running_loop().call_later(0.01, event.set)
    assert not await finished_before(event, work)
    assert work.cancelled()
