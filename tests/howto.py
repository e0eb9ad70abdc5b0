"""Runs a how-to as a person would: its fenced blocks, section by section, in their order."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt

from tests.cluster.commands import run

# By a block's language: what it is handed to, on standard input. A person may be more patient than a test is.
RUN_BY = {
    "sh": ("timeout", "240", "bash", "-euo", "pipefail", "-s"),
    "yaml": ("kubectl", "apply", "-f", "-"),
}


class Block(NamedTuple):
    """A fenced block, and the heading that it is under."""

    section: str
    language: str
    text: str


def read_blocks(text: str) -> Iterator[Block]:
    """Yield the blocks of a Markdown text."""
    section, tokens = "", MarkdownIt("commonmark").parse(text)
    for number, token in enumerate(tokens):
        if token.type == "heading_open":
            section = tokens[number + 1].content
        elif token.type in ("fence", "code_block"):
            yield Block(section, token.info.strip(), token.content)


def run_section(howto: Path, section: str, directory: Path, environment: Mapping[str, str]) -> None:
    """Run the blocks under a heading, in `directory`.

    Raises:
        CommandError: a block failed; the message has what it said.
        LookupError: there is no block under that heading, or one that is neither commands nor a manifest.
    """
    blocks = [block for block in read_blocks(howto.read_text()) if block.section == section]
    if not blocks:
        raise LookupError(f"{howto} has nothing to run under {section!r}")
    for block in blocks:
        if block.language not in RUN_BY:
            raise LookupError(f"a block of {howto} is of {block.language!r}, not of {' or '.join(RUN_BY)}")
        run(*RUN_BY[block.language], env=environment, cwd=directory, stdin=block.text)
