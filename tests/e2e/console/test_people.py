"""Everyone can use the console: by keyboard, by a screen reader, on a phone, in the dark, without script."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import NARROWEST, Scheme, page_at, page_of, photograph, scrolls_sideways, violations_of

LATER = "Look whether it is answered now"

pytestmark = pytest.mark.usefixtures("pets")


def test_all_of_it_is_done_by_keyboard(page: Page, here: str, cat: Path) -> None:
    page.on(
        "filechooser", lambda chooser: chooser.set_files(cat)
    )  # from the beginning: to begin takes a moment
    page.goto(here)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_label("Choose a photo")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#answer")).to_contain_text("Version 1 says")
    while page.evaluate("document.activeElement.localName") != "button":
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#answer")).to_contain_text("Version 1 says")


def test_without_script_a_form_is_a_form(browser: Browser, here: str, cat: Path) -> None:
    with page_of(browser, java_script_enabled=False) as page:
        page.goto(here)
        page.get_by_label("Choose a photo").set_input_files(cat)
        page.get_by_role("button", name="Ask").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("What pets says of the photo")
        said, look = page.get_by_text("Version 1 says cat"), page.get_by_role("link", name=LATER)
        expect(said.or_(look).first).to_be_visible()
        while look.is_visible():  # it was not answered at once
            look.click()
            expect(said.or_(look).first).to_be_visible()
        expect(page.get_by_role("main")).to_contain_text("Version 1 says cat")
        page.get_by_role("link", name="Ask about another photo").click()
        page.get_by_role("link", name="Listen for some seconds").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("What pets answered just now")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [NARROWEST, 1100])
def test_axe_finds_no_violation_and_no_page_scrolls_sideways(
    browser: Browser, url: str, here: str, cat: Path, width: int, scheme: Scheme
) -> None:
    with page_at(browser, width, scheme) as page:
        for address in (
            url,
            f"{here}/versions/1",
            f"{here}/dead-letters",
            f"{here}/answers",
            f"{url}/nowhere",
        ):
            page.goto(address)
            assert violations_of(page) == [], address
            assert not scrolls_sideways(page), address
        page.goto(here)
        page.get_by_label("Beside the version that serves").select_option("2")
        page.get_by_label("Choose a photo").set_input_files(cat)
        expect(page.locator("#answer .column")).to_have_count(2)
        assert violations_of(page) == []
        assert not scrolls_sideways(page)
        if (width, scheme) == (NARROWEST, "dark"):
            photograph(page, "phone", of=page.locator("section", has=page.locator("#photo-form")))
