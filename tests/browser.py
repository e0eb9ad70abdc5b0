"""A real browser, Debian's headless Chromium, led by Playwright, and what it may not meet on a page."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response, sync_playwright

from tests.cluster.cache import default_cache
from tests.cluster.packages import BROWSER_PACKAGES, install_packages

CHROMIUM = "/usr/bin/chromium-headless-shell"
# WCAG to level AA, and what axe's authors hold for good practice besides.
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@contextmanager
def chromium() -> Iterator[Browser]:
    """Give a running Chromium; it is installed at its first use.

    While it runs, the thread that has started it can run no other event loop.
    """
    install_packages(default_cache(), BROWSER_PACKAGES)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        try:
            yield browser
        finally:
            browser.close()


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


class Witness:
    """Notes what a page asks for and what goes wrong on it."""

    def __init__(self, page: Page) -> None:
        self.requests: list[Request] = []
        self.responses: list[Response] = []
        self.complaints: list[str] = []  # of its script, and of the browser: what a policy forbids, say
        page.on("request", self.requests.append)
        page.on("response", self.responses.append)
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def hosts(self) -> set[str]:
        """Return whom the page has asked for anything; what it holds itself (`blob:`) is from nobody."""
        return {urlsplit(each.url).netloc for each in self.requests} - {""}

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.text} ({message.location.get('url')})")
