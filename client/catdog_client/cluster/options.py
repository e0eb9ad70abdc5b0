"""Options of the commands that talk to the API server, as kubectl has them."""

import functools
import math
from collections.abc import Callable
from typing import Any

import click

from catdog_client.cluster.kubeconfig import Where
from catdog_client.cluster.models import connect
from catdog_client.cluster.names import complete_models, complete_versions

Command = Callable[..., Any]

model_argument = click.argument("model", shell_complete=complete_models)
version_argument = click.argument(
    "version", type=click.IntRange(min=1), required=False, shell_complete=complete_versions
)


def wait_options(command: Command) -> Command:
    """Give a command --wait and --timeout."""
    for add in (
        click.option(
            "--timeout",
            type=click.FloatRange(min=0, min_open=True),
            default=math.inf,
            metavar="SECONDS",
            help="With --wait: how long at most; without it, for ever.",
        ),
        click.option("--wait", is_flag=True, help="Wait for the end, with progress on standard error."),
    ):
        command = add(command)
    return command


def where_options(command: Command) -> Command:
    """Give a command --namespace, --context and --kubeconfig, and as first argument where they lead to."""

    @click.option("-n", "--namespace", help="The models' namespace; without it, the context's.")
    @click.option("--context", help="A context of the kubeconfig; without it, the current one.")
    @click.option(
        "--kubeconfig", help="A kubeconfig; without it, KUBECONFIG, ~/.kube/config, or the pod's account."
    )
    @functools.wraps(command)
    def with_where(namespace: str | None, context: str | None, kubeconfig: str | None, **others: Any) -> Any:  # noqa: ANN401 - the command's
        return command(Where(namespace, context, kubeconfig), **others)

    return with_where


def cluster_options(command: Command) -> Command:
    """Give a command these options, and as first argument the models they lead to."""

    @where_options
    @functools.wraps(command)
    def with_models(where: Where, **others: Any) -> Any:  # noqa: ANN401 - the command's
        return command(connect(where), **others)

    return with_models
