"""The command `catdog`: owns its options and exit codes; each command is a module of `commands`."""

import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import click
from click.shell_completion import ShellComplete

from catdog_client.commands import COMMANDS
from catdog_client.commands.completion import VARIABLE
from catdog_client.errors import FAILURE, ClientError
from catdog_client.options import kafka_options

# As whom kubectl and oc run it: they find kubectl-catdog and oc-catdog on the PATH.
PROGRAMS = {"kubectl-catdog": "kubectl catdog", "oc-catdog": "oc catdog"}


def _tell_version(context: click.Context, _option: click.Parameter, asked: bool) -> None:  # noqa: FBT001 - click's
    if asked and not context.resilient_parsing:
        try:
            said = version("catdog")
        except PackageNotFoundError:
            said = "of a checkout, and not installed"
        click.echo(f"catdog {said}")
        context.exit()


@click.group(commands=COMMANDS, context_settings={"max_content_width": 110})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_tell_version,
    help="Say which it is.",
)
@kafka_options
@click.pass_context
def cli(context: click.Context, /, **options: Any) -> None:  # noqa: ANN401 - whatever the options above are
    """Look after CatDogModels, talk to one through its Kafka topics, and give it photos to learn from.

    The exit code is 0 where all went well, 1 where it did not (one line says why), 2 where the command was
    not understood, and 3 where a model is not as it was asked about.
    """
    context.obj = options


def main() -> None:
    """Run the command; what a person can mend is one line on standard error, and exit code 1."""
    name = PROGRAMS.get(Path(sys.argv[0]).name, "catdog")
    try:
        cli(prog_name=name, complete_var=VARIABLE)
    except ClientError as error:
        click.echo(f"{name}: {error}", err=True)
        sys.exit(FAILURE)


def complete() -> None:
    """Complete `kubectl catdog ...`, as kubectl asks for it: a line for each word, at last a directive."""
    *words, begun = sys.argv[1:] or [""]
    found = ShellComplete(cli, {}, "catdog", VARIABLE).get_completions(words, begun)
    for each in found:
        if each.type == "plain":
            click.echo(f"{each.value}\t{each.help}" if each.help else each.value)
    # https://github.com/spf13/cobra ShellCompDirective: files are offered (0), or are not (4).
    click.echo(":0" if any(each.type in ("file", "dir") for each in found) else ":4")


if __name__ == "__main__":
    main()
