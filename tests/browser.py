"""A real browser, Debian's headless Chromium, led by Playwright, and what it may not meet on a page."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Locator,
    Page,
    Request,
    ViewportSize,
    expect,
    sync_playwright,
)

from tests.cluster.cache import default_cache
from tests.cluster.packages import BROWSER_PACKAGES, install_packages
from tests.cluster.waiting import PATIENCE_SECONDS

CHROMIUM = "/usr/bin/chromium-headless-shell"
Scheme = Literal["light", "dark"]
NARROWEST = 320  # CSS pixels of width: https://www.w3.org/WAI/WCAG22/Understanding/reflow
PATIENCE = 1000 * PATIENCE_SECONDS  # milliseconds, instead of the five seconds of an expectation
PICTURES = "CATDOG_PICTURES"  # the variable that names a folder for pictures
_COLOURS = 192
# WCAG to level AA, and what axe's authors hold for good practice besides.
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@contextmanager
def chromium() -> Iterator[Browser]:
    """Give a running Chromium; it is installed at its first use.

    While it runs, the thread that has started it can run no other event loop.
    """
    install_packages(default_cache(), BROWSER_PACKAGES)
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, timeout=PATIENCE)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def page_of(browser: Browser, **settings: Any) -> Iterator[Page]:  # noqa: ANN401 - Playwright's, of a context
    """Give a page in a context of its own, which has time on a busy machine."""
    with browser.new_context(**settings) as context:
        context.set_default_timeout(PATIENCE)
        yield context.new_page()


@contextmanager
def page_at(browser: Browser, width: int, scheme: Scheme) -> Iterator[Page]:
    """Give a page for somebody with a window so wide (CSS pixels), and these colours.

    Nothing moves on it: what is about to appear has no contrast.
    """
    size = ViewportSize(width=width, height=800)
    with page_of(browser, color_scheme=scheme, viewport=size, reduced_motion="reduce") as page:
        yield page


def violations_of(page: Page) -> list[str]:
    """Return what axe finds wrong with a page as it is now: rule, what is wrong, and where."""
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": _RULES}}).response["violations"]
    return [
        f"{rule['id']}: {rule['help']}: {' '.join(node['target'])}: {node['failureSummary']}"
        for rule in found
        for node in rule["nodes"]
    ]


def scrolls_sideways(page: Page) -> bool:
    """Whether a page is wider than its window."""
    wide: bool = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    return wide


def photograph(page: Page, name: str, of: Locator | None = None) -> None:
    """Write what a page (or a part `of` it) looks like, if the environment names a folder for that."""
    if not (directory := os.environ.get(PICTURES)):
        return
    content = of.screenshot() if of else page.screenshot()
    with Image.open(io.BytesIO(content)) as picture:  # with few colours it has a third of the bytes
        few = picture.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
        few.save(Path(directory) / f"{name}.png", optimize=True)


class Witness:
    """Notes what a page asks for and what goes wrong on it."""

    def __init__(self, page: Page) -> None:
        self.requests: list[Request] = []
        self.complaints: list[str] = []  # of its script, and of the browser: what a policy forbids, say
        page.on("request", self._note_request)
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def hosts(self) -> set[str]:
        """Return whom the page has asked for anything; what it holds itself (`blob:`) is from nobody."""
        return {urlsplit(each.url).netloc for each in self.requests} - {""}

    def _note_request(self, request: Request) -> None:
        self.requests.append(request)

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.text} ({message.location.get('url')})")
