import asyncio

import pytest

from catdog_console import thumbnails
from catdog_console.thumbnails import Thumbnails
from tests.poison import png
from tests.tiny_version import picture


async def test_a_picture_is_made_once_and_found_by_its_name() -> None:
    pictures = Thumbnails(asyncio.Semaphore(1))
    assert await pictures.draw("photo-0-1", picture("red", (400, 300))) == "photo-0-1"
    made = pictures.get("photo-0-1")
    assert made is not None
    assert len(made) < 4000
    assert await pictures.draw("photo-0-1", b"whatever") == "photo-0-1"
    assert pictures.get("photo-0-1") is made
    assert pictures.get("photo-0-2") is None


async def test_of_what_is_no_picture_or_too_large_a_one_there_is_none() -> None:
    pictures = Thumbnails(asyncio.Semaphore(1))
    assert await pictures.draw("a", b"no picture") is None
    assert await pictures.draw("b", png((4097, 4096), 1)) is None
    assert await pictures.draw("c", png((4096, 4096), 1)) == "c"


async def test_few_are_kept_and_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thumbnails, "_KEPT", 2)
    pictures = Thumbnails(asyncio.Semaphore(1))
    for name in "abc":
        await pictures.draw(name, picture("red"))
    assert [pictures.get(name) is None for name in "abc"] == [True, False, False]
