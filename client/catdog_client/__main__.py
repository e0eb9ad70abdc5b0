"""The command `catdog`: owns its options and exit codes; each command is a module of `commands`."""

import sys
from typing import Any

import click

from catdog_client.commands import COMMANDS
from catdog_client.errors import ClientError
from catdog_client.options import kafka_options


@click.group(context_settings={"max_content_width": 110})
@kafka_options
@click.pass_context
def cli(context: click.Context, /, **options: Any) -> None:  # noqa: ANN401 - whatever the options above are
    """Talk to a CatDogModel through its Kafka topics, and give it photos to learn from."""
    context.obj = options


for _command in COMMANDS:
    cli.add_command(_command)


def main() -> None:
    """Run the command; what a person can mend is one line on standard error, and exit code 1."""
    try:
        cli(prog_name="catdog")
    except ClientError as error:
        click.echo(f"catdog: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
