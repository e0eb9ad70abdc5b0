"""The console's pages in a real browser, in states that a cluster is seldom brought to."""

import asyncio
import io
import socket
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest
import uvicorn
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from starlette.types import ASGIApp

from catdog_client.dead_letter import DeadLetter
from catdog_common.artifact import MODEL_CARD_FILE, PLOT_FILE
from catdog_console.app import create_app
from catdog_console.config import Config
from catdog_console.views_of_kafka import Frame, ModelTopics, Rates, ShownLetter
from tests.browser import NARROWEST, Scheme, chromium, page_at, page_of, scrolls_sideways, violations_of
from tests.tiny_version import picture
from tests.unit.console.builders import SINCE, URL, FakeReports, FakeTraffic, an_answer, pets, some_parts

LONG = "x" * 300  # a word that breaks nowhere
CARD = f"# pets\n\n| | cat | dog |\n|---|---|---|\n| a cat | 19 | 1 |\n\n```\n{LONG}\n```\n"
TRAINING = {"hash": "0123456789", "stage": "Epochs", "epochs": 12}
RATES = Rates(SINCE, {"cat": 1.5, "unknown": 0.4}, 4123, 3, 100)


class BusyTraffic(FakeTraffic):
    """Topics with much in them."""

    async def follow(self, topics: ModelTopics) -> AsyncGenerator[Frame, None]:
        assert topics
        answers = [an_answer(each, "cat" if each % 5 else "unknown", LONG) for each in range(12)]
        yield Frame(tuple(answers), RATES, "Some trouble.")
        await asyncio.Event().wait()

    def thumbnail(self, _: ModelTopics, name: str) -> bytes | None:
        return picture("red", (96, 72)) if name else None


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Give the address of a console that has much to show."""
    plot = io.BytesIO()
    Image.new("RGB", (1200, 600), "white").save(plot, "PNG")
    parts = some_parts(reports=FakeReports({PLOT_FILE: plot.getvalue(), MODEL_CARD_FILE: CARD.encode()}))
    for epoch in range(1, 8):
        figures = {"loss": 1 / epoch, "accuracy": 0.9, "valLoss": 0.5, "valAccuracy": 0.8}
        parts.cluster.note("kafka", {"pets": pets(progress={**TRAINING, "epoch": epoch, **figures})})
    traffic = BusyTraffic()
    letter = DeadLetter(
        topic="pets-dead-letters",
        partition=0,
        offset=3,
        time="2026-11-30T09:20:11Z",
        reason="NotAnImage",
        message=LONG,
        id=LONG,
        size=5,
    )
    traffic.letters = (ShownLetter(letter), ShownLetter(letter, "0-3"))
    parts.traffic = traffic
    with serving(create_app(Config(namespaces=("kafka",)), parts)) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@contextmanager
def serving(app: ASGIApp) -> Iterator[str]:
    """Serve an application from a thread of its own; give its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
    thread = Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])))
    thread.start()
    try:
        yield f"http://localhost:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.mark.parametrize("path", ["", URL])
def test_what_passed_while_nobody_saw_the_page_is_not_shown_to_who_comes_back(
    browser: Browser, path: str
) -> None:
    parts = some_parts(pets())
    app = create_app(Config(namespaces=("kafka",)), parts)
    with serving(app) as url, page_of(browser) as page:
        page.goto(f"{url}{path}")
        turn(page, hidden=True)
        parts.cluster.note_outage("kafka", "no API server answers", SINCE)
        turn(page, hidden=False)
        expect(page.locator("#outages")).to_contain_text("no API server answers")
        turn(page, hidden=True)
        parts.cluster.note("kafka", {"pets": pets()})  # all is as it was when the page was made
        turn(page, hidden=False)
        expect(page.locator("#outages")).to_be_empty()


def turn(page: Page, *, hidden: bool) -> None:
    """Turn to another tab, or back to the page."""
    page.evaluate(
        """hidden => {
          Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


def test_a_phone_takes_a_photo_and_has_it_answered(browser: Browser, url: str, tmp_path: Path) -> None:
    (tmp_path / "cat.jpg").write_bytes(picture("red"))
    with page_of(browser, is_mobile=True, has_touch=True) as page:
        page.goto(f"{url}{URL}")
        camera = page.get_by_label("Take a photo")
        expect(camera).to_be_visible()
        expect(camera).to_have_attribute("capture", "environment")  # the camera at the back, not a file
        camera.set_input_files(tmp_path / "cat.jpg")
        expect(page.locator("#answer .column")).to_have_count(1)
    with page_of(browser) as desk:
        desk.goto(f"{url}{URL}")
        expect(desk.get_by_label("Take a photo")).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [NARROWEST, 1100])
def test_axe_finds_no_violation_and_no_page_scrolls_sideways(
    browser: Browser, url: str, tmp_path: Path, width: int, scheme: Scheme
) -> None:
    (tmp_path / "cat.jpg").write_bytes(picture("red"))
    with page_at(browser, width, scheme) as page:
        for path in ("", f"{URL}/versions/2", f"{URL}/dead-letters", f"{URL}/answers", "/nowhere"):
            page.goto(f"{url}{path}")
            assert (path, violations_of(page)) == (path, [])
            assert not scrolls_sideways(page), path
        page.goto(f"{url}{URL}")
        page.get_by_label("Beside the version that serves").select_option("1")
        page.get_by_label("Choose a photo").set_input_files(tmp_path / "cat.jpg")
        expect(page.locator("#answer .column")).to_have_count(2)
        page.get_by_text("The figures of each epoch").click()
        expect(page.locator("#strip-items li")).to_have_count(12)
        assert violations_of(page) == []
        assert not scrolls_sideways(page)


def test_axe_would_find_what_is_wrong(browser: Browser, url: str) -> None:
    with page_of(browser) as page:
        page.goto(url)
        page.evaluate("document.querySelector('h1').innerHTML += '<img src=data:,>'")
        page.evaluate("document.querySelector('main').style.width = '5000px'")
        assert [each.partition(":")[0] for each in violations_of(page)] == ["image-alt"]
        assert scrolls_sideways(page)
