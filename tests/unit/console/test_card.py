"""A model card comes from the claim, where anyone may have written who trains: nothing of it is run."""

import pytest

from catdog_console.card import render_card


def test_headings_lie_below_the_pages_own_and_tables_can_be_scrolled() -> None:
    html = render_card(b"# pets, version 2\n\n## Settings\n\n| name | value |\n|---|---|\n| `seed` | 42 |\n")
    assert "<h2>pets, version 2</h2>" in html
    assert "<h3>Settings</h3>" in html
    assert '<div class="scroll" role="region" tabindex="0" aria-label="table: name"><table>' in html
    assert "</table></div>" in html
    assert "<code>seed</code>" in html


def test_a_corner_without_words_is_no_header() -> None:
    html = render_card(b"| | cat | dog |\n|---|---|---|\n| a cat | 19 | 1 |\n")
    assert 'aria-label="table: cat"' in html
    assert "<th></th>" not in html
    assert html.count("<th>") == 2
    assert html.count("<td>") == 4


@pytest.mark.parametrize(
    "card",
    [
        b"<script>alert(1)</script>",
        b"<img src=x onerror=alert(1)>",
        b"![x](https://evil.example/x.png)",
        b"[x](javascript:alert(1))",
        b'| a" onclick="alert(1) |\n|---|\n| b |\n',
        b"\xff\xfe<b>",
    ],
)
def test_what_is_markup_of_its_own_is_text(card: bytes) -> None:
    html = render_card(card)
    for evil in ("<script", "<img", 'href="javascript', '" onclick="', "<b>"):
        assert evil not in html
