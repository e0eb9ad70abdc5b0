import asyncio
from typing import cast

import pytest

from catdog_client.errors import ClientError
from catdog_console.dead_letters import DeadLetters
from catdog_console.places import Places
from catdog_console.thumbnails import Thumbnails
from catdog_console.topics import read_topics
from tests.unit.console.builders import pets


class SilentPlaces:
    """A topic whose records are waited for in vain."""

    def __init__(self) -> None:
        self.silent = True

    async def bounds(self, _: str) -> dict[int, range]:
        return {0: range(3)}

    async def read(self, *_: object) -> None:
        if self.silent:
            await asyncio.Event().wait()


async def test_dead_letters_that_do_not_come_keep_nobody_waiting() -> None:
    topics, places = read_topics(pets()), SilentPlaces()
    letters = DeadLetters(topics, cast("Places", places), Thumbnails(asyncio.Semaphore(1)), patience=0.1)
    with pytest.raises(ClientError, match=r"not read within 0\.1 s, as Kafka is slow: try again"):
        await letters.newest()
    places.silent = False
    assert await letters.newest() == ()
