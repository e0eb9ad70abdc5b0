"""The console in a real browser, on the real cluster."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser import chromium
from tests.cluster.instance import Instance
from tests.e2e.consoles import forwarded, installed_console


@pytest.fixture(scope="module")
def url(cluster: Instance) -> Iterator[str]:
    """Give the console's address on this machine."""
    with installed_console(cluster), forwarded(cluster) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


def test_it_opens(browser: Browser, url: str) -> None:
    with browser.new_page() as page:
        page.goto(url)
        assert "models" in page.content()
