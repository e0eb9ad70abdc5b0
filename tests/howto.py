"""Follows a page as a person would: its fenced blocks, section by section, in their order."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt

from tests.cluster.commands import run
from tests.cluster.waiting import PATIENCE_SECONDS

# By a block's language: what it is handed to, on standard input. A person may be more patient than a test is.
RUN_BY = {
    "sh": ("timeout", "900", "bash", "-euo", "pipefail", "-s"),
    "yaml": ("kubectl", "apply", "-f", "-"),
}
# What is shown and not run: what things look like, and queries.
SHOWN = {"text", "json", "promql"}
# What the shell has exported by a block's end, after what the block has printed.
_END = "\nprintf '\\0\\0'; env --null\n"


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


def run_section(
    page: Path,
    section: str,
    directory: Path,
    environment: dict[str, str],
    instead: Mapping[str, str] | None = None,
) -> str:
    """Run the blocks under a heading, in `directory`; return what they print.

    What they export is added to `environment`, as it stays in a person's shell. `instead` has what is put
    in the place of words that stand for something of the reader's, such as the address of a server.

    Raises:
        CommandError: a block failed; the message has what it said.
        LookupError: there is no block under that heading, one in a language that is neither run nor
            shown, or no such words; or a block was not run to its end.
    """
    found = [block for block in read_blocks(page.read_text()) if block.section == section]
    blocks = [block for block in found if block.language not in SHOWN]
    if not blocks:
        raise LookupError(f"{page} has nothing to run under {section!r}")
    if missing := [words for words in instead or {} if not any(words in block.text for block in blocks)]:
        raise LookupError(f"{page} does not say {missing[0]!r} under {section!r}")
    for block in blocks:
        if block.language not in RUN_BY:
            raise LookupError(f"a block of {page} is of {block.language!r}, not of {' or '.join(RUN_BY)}")
    return "".join(_run(block, directory, environment, instead or {}) for block in blocks)


def made_patient(text: str) -> str:
    """Return commands as somebody runs them whose machine is busy: what they wait for may take its time."""

    def longer(found: re.Match[str]) -> str:
        seconds = int(found[1]) * (60 if found[2] == "m" else 1)
        return f"--timeout={max(seconds, PATIENCE_SECONDS):.0f}s"

    text = re.sub(r"--timeout=(\d+)([sm])\b", longer, text)
    return re.sub(r"\bcatdog send(?= )(?!.*--timeout)", f"catdog send --timeout={PATIENCE_SECONDS:.0f}", text)


def _run(block: Block, directory: Path, environment: dict[str, str], instead: Mapping[str, str]) -> str:
    text = made_patient(block.text)
    for words, others in instead.items():
        text = text.replace(words, others)
    if block.language != "sh":
        return run(*RUN_BY[block.language], env=environment, cwd=directory, stdin=text)
    printed, end, exported = run(
        *RUN_BY[block.language], env=environment, cwd=directory, stdin=text + _END
    ).rpartition("\0\0")
    if not end:
        raise LookupError(
            f"a command under {block.section!r} has read the rest of its block, or left the shell"
        )
    environment.update(each.partition("=")[::2] for each in exported.split("\0") if each)
    return printed
