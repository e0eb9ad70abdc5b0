"""Turns a version's model card into HTML: no markup of its own, no pictures, headings below the page's."""

from collections.abc import Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup

_DEEPER = 1  # a card begins at h1, which is the page's
_DEEPEST = 6


def render_card(content: bytes) -> Markup:
    """Return a card as HTML; whatever markup or script stands in it is shown as text."""
    text = content.decode(errors="replace")
    # From here on it is what markdown-it wrote, which escapes all text with html off.
    return Markup(_markdown().render(text))  # noqa: S704


def _markdown() -> MarkdownIt:
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    markdown.add_render_rule("table_open", _open_table)
    markdown.add_render_rule("table_close", _close_table)
    markdown.core.ruler.push("deeper", _deepen)
    markdown.core.ruler.push("corners", _empty_corners)
    return markdown


def _deepen(state: Any) -> None:  # noqa: ANN401 - markdown-it's
    for token in state.tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1]) + _DEEPER, _DEEPEST)}"


def _empty_corners(state: Any) -> None:  # noqa: ANN401 - markdown-it's
    """Make cells of headers without text: a header has to say what it heads."""
    for opening, text, closing in zip(state.tokens, state.tokens[1:], state.tokens[2:], strict=False):
        if opening.type == "th_open" and not text.content:
            opening.tag = closing.tag = "td"


def _open_table(_: RendererHTML, tokens: Sequence[Token], index: int, __: object, ___: object) -> str:
    """Open a table: a wide one moves within its own place, which the keyboard reaches too."""
    first = next((each.content for each in tokens[index:] if each.type == "inline" and each.content), "")
    label = f"table: {first}".replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    return f'<div class="scroll" role="region" tabindex="0" aria-label="{label}"><table>\n'


def _close_table(*_: object) -> str:
    return "</table></div>\n"
