"""Writes Markdown (CommonMark, and tables as GitHub has them) that shows text of any kind as it is."""

import re
from collections.abc import Iterable, Sequence

from catdog_trainer.legible import legible


def code(text: str) -> str:
    """Return `text` as a code span: names of files may have anything in them."""
    shown = legible(text)
    longest = max((len(run) for run in re.findall("`+", shown)), default=0)
    fence = "`" * (longest + 1)
    padding = " " if shown.strip() and (shown[0] in "` " or shown[-1] in "` ") else ""  # is taken off again
    return f"{fence}{padding}{shown}{padding}{fence}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; its cells are Markdown, in which a bar is escaped."""
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def bullets(items: Iterable[str]) -> str:
    """Return a list with a line for each item, which is Markdown."""
    return "".join(f"- {item}\n" for item in items)
