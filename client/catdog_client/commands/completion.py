"""`catdog completion`: what a shell needs to complete commands, options, models and versions."""

import click
from click.shell_completion import get_completion_class

from catdog_client.errors import ClientError

VARIABLE = "_CATDOG_COMPLETE"


@click.command(short_help="What a shell needs to complete names.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, /, shell: str) -> None:
    """Print what SHELL needs to complete commands, options, models and versions.

    For bash: source <(catdog completion bash), in ~/.bashrc. `kubectl catdog` is completed by
    `kubectl_complete-catdog`, which kubectl finds on the PATH by itself.
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise ClientError(f"there is no completion for {shell}")
    click.echo(kind(context.find_root().command, {}, "catdog", VARIABLE).source())
