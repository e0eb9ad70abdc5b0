"""Reads what the reference says of metrics and of versions, and what a page of metrics shows."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt
from prometheus_client.parser import text_string_to_metric_families

from tests.cluster.cache import REPOSITORY
from tests.howto import read_blocks

METRICS = REPOSITORY / "docs" / "reference" / "metrics.md"
_OF_EACH_BUCKET = "le"


class Shape(NamedTuple):
    """What a metric is like."""

    type: str
    labels: frozenset[str]


def documented_metrics(section: str, page: Path = METRICS) -> dict[str, Shape]:
    """Return the metrics in the table under a heading."""
    rows = table_rows(page, section)
    return {_words(name)[0]: Shape(kind, frozenset(_words(labels))) for name, kind, labels, _ in rows}


def table_rows(page: Path, section: str) -> list[list[str]]:
    """Return the rows of the tables under a heading, as they are written."""
    return [cells for heading, cells in _rows(page) if heading == section]


def shown_metrics(text: str) -> dict[str, Shape]:
    """Return our own metrics on a page, with the labels of those that have samples."""
    families = [each for each in text_string_to_metric_families(text) if each.name.startswith("catdog_")]
    return {
        f"{each.name}_total" if each.type == "counter" else each.name: Shape(
            each.type,
            frozenset(label for sample in each.samples for label in sample.labels) - {_OF_EACH_BUCKET},
        )
        for each in families
        if not each.name.endswith("_created")
    }


def asked_metrics(page: Path = METRICS) -> set[str]:
    """Return the metrics that the page's queries are of."""
    queries = [block.text for block in read_blocks(page.read_text()) if block.language == "promql"]
    names = {name for query in queries for name in re.findall(r"\bcatdog_\w+", query)}
    return {re.sub("_(bucket|sum|count)$", "", name) for name in names}


def _rows(page: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield the rows of each table but its head, with the heading above."""
    heading, cells, tokens = "", list[str](), MarkdownIt("commonmark").enable("table").parse(page.read_text())
    for number, token in enumerate(tokens):
        if token.type == "heading_open":
            heading = tokens[number + 1].content
        elif token.type == "td_open":
            cells.append(tokens[number + 1].content)
        elif token.type == "tr_close" and cells:
            yield heading, cells
            cells = []


def _words(cell: str) -> list[str]:
    """Return what stands in a cell between backticks."""
    return re.findall("`([^`]+)`", cell)
