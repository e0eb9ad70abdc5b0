"""`catdog doctor`: what a cluster lacks for models to be trained and served, and how to mend it."""

import sys
from collections.abc import Iterable

import click
from rich.table import Table
from rich.text import Text

from catdog_client.cluster.checks import Check, check
from catdog_client.cluster.models import Models
from catdog_client.cluster.options import cluster_options
from catdog_client.cluster.seen import look
from catdog_client.errors import FAILURE
from catdog_client.terminal import OutputFormat, make_console, output_option, print_document

_MARKS = {"ok": ("✓", "green"), "fault": ("✗", "red"), "unknown": ("?", "yellow")}


@click.command(short_help="What the cluster lacks, and what to do.")
@output_option
@cluster_options
def doctor(models: Models, /, output: OutputFormat) -> None:
    """Look for what models need: the CRD, the operator, your rights, Strimzi, a Kafka, storage.

    ✓ is well, ✗ is not and says what to do, ? may not be seen by you. The exit code is 1 where there is a ✗.
    """
    checks = list(check(look(models)))
    if output == "table":
        make_console().print(render_checks(checks))
    else:
        print_document(checks, output)
    if any(each.verdict == "fault" for each in checks):
        sys.exit(FAILURE)


def render_checks(checks: Iterable[Check]) -> Table:
    """Return the checks for people, each with what to do below it."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for column in ("mark", "name", "message"):
        table.add_column(overflow="fold", no_wrap=column != "message")
    for each in checks:
        message = Text(each.message)
        if each.remedy:
            message.append(f"\n→ {each.remedy}", style="bold")
        table.add_row(Text(*_MARKS[each.verdict]), each.name, message)
    return table
