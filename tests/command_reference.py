"""Makes the reference of the command line out of the commands' own help."""

from collections.abc import Iterator

import click

from catdog_client.commands import COMMANDS
from tests.cluster.cache import REPOSITORY

PAGE = REPOSITORY / "docs" / "reference" / "command-line.md"

_WIDTH = 110
_HEAD = """# The command line

What each command says of itself with `--help`; [the how-to](../how-to/command-line.md) has them in use, and
what the exit codes mean. `kubectl catdog` and `oc catdog` are the same as `catdog`.
"""


def render_reference(cli: click.Group) -> str:
    """Return the page, as the code has the commands."""
    return "\n".join((_HEAD, *_sections(cli)))


def _sections(cli: click.Group) -> Iterator[str]:
    settings = {**cli.context_settings, "terminal_width": _WIDTH}
    root = click.Context(cli, info_name="catdog", **settings)
    yield _section(root)
    for command in sorted(COMMANDS, key=lambda each: each.name or ""):
        yield _section(click.Context(command, parent=root, info_name=command.name, **settings))


def _section(context: click.Context) -> str:
    return f"## {context.command_path}\n\n```text\n{context.get_help()}\n```\n"
