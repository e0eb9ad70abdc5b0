"""How results are shown: tables for people, JSON and YAML for programs."""

import os
from typing import Any, Literal

import click
import msgspec
import yaml
from rich.console import Console

from catdog_client.cluster.changes import Changed

OutputFormat = Literal["table", "json", "yaml"]

_WIDTH_OF_A_PIPE = 160  # characters, where no terminal says how wide it is

output_option = click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json", "yaml"]),
    default="table",
    show_default=True,
    help="For people, or for programs.",
)


def make_console(*, stderr: bool = False) -> Console:
    """Return where to write for people: with colours on a terminal, but for NO_COLOR."""
    console = Console(highlight=False, stderr=stderr)
    if not is_screen(console) and not os.environ.get("COLUMNS"):
        console.width = _WIDTH_OF_A_PIPE
    return console


def is_screen(console: Console) -> bool:
    """Whether what was written can be drawn over: FORCE_COLOR, which Jupyter sets, makes a pipe none."""
    return console.is_terminal and console.file.isatty()


def print_document(document: Any, output: OutputFormat) -> None:  # noqa: ANN401 - whatever JSON can say
    """Print a document as JSON on one line, or as a document of YAML."""
    plain = msgspec.to_builtins(document)
    if output == "yaml":
        click.echo(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, explicit_start=True), nl=False)
    else:
        click.echo(msgspec.json.encode(plain).decode())


def print_changed(changed: Changed, output: OutputFormat) -> None:
    """Print what an edit has set, and what follows from it."""
    if output != "table":
        print_document(changed, output)
        return
    click.echo(
        f"{changed.model}: {changed.field} is now {_value(changed.now)}; it was {_value(changed.before)}"
    )
    for note in changed.notes:
        click.echo(f"- {note}")


def _value(value: str | int | None) -> str:
    return "not set" if value in (None, "") else str(value)
