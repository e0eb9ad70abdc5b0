"""Writes the reference of the commands, docs/reference/command-line.md, from their own help: `make docs`."""

from collections.abc import Iterable, Iterator
from typing import Any

import click

from catdog_client.__main__ import cli
from catdog_client.commands import COMMANDS
from tests.cluster.cache import REPOSITORY

PAGE = REPOSITORY / "docs" / "reference" / "command-line.md"

_WIDTH = 110
_HEAD = """# The command line

What each command says of itself with `--help`, written here by `make docs`. `kubectl catdog` and `oc catdog`
are the same as `catdog`. [The how-to](../how-to/command-line.md) has them in use, and what the
exit codes mean.
"""


def reference_page() -> str:
    """Return the page, as the code has the commands."""
    return "\n".join((_HEAD, *_sections()))


def _sections() -> Iterator[str]:
    settings = {**cli.context_settings, "terminal_width": _WIDTH}
    root = click.Context(cli, info_name="catdog", **settings)
    yield _section(root)
    yield from _sections_below(root, COMMANDS.values(), settings)


def _sections_below(
    parent: click.Context, commands: Iterable[click.Command], settings: dict[str, Any]
) -> Iterator[str]:
    for command in sorted(commands, key=lambda each: each.name or ""):
        context = click.Context(command, parent=parent, info_name=command.name, **settings)
        yield _section(context)
        if isinstance(command, click.Group):
            yield from _sections_below(context, command.commands.values(), settings)


def _section(context: click.Context) -> str:
    return f"## {context.command_path}\n\n```text\n{context.get_help()}\n```\n"


if __name__ == "__main__":
    PAGE.write_text(reference_page())
