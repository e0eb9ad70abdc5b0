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
    return markdown


def _deepen(state: Any) -> None:  # noqa: ANN401 - markdown-it's
    for token in state.tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1]) + _DEEPER, _DEEPEST)}"


def _open_table(_: RendererHTML, tokens: Sequence[Token], index: int, __: object, ___: object) -> str:
    """Open a table: a wide one moves within its own place, which the keyboard reaches too."""
    first = next((each.content for each in tokens[index:] if each.type == "inline"), "")
    label = f"table: {first}".replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    return f'<div class="scroll" role="region" tabindex="0" aria-label="{label}"><table>\n'


def _close_table(*_: object) -> str:
    return "</table></div>\n"
