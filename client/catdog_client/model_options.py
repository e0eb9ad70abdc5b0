"""The options by which a command that talks to Kafka is told of a model, which says where that is."""

import functools
from collections.abc import Callable
from typing import Any

import click

from catdog_client.cluster.kubeconfig import Where
from catdog_client.cluster.models import connect
from catdog_client.cluster.names import complete_models
from catdog_client.cluster.options import where_options
from catdog_client.model_kafka import read_model_kafka

Command = Callable[..., Any]

_option = click.option(
    "--model",
    envvar="CATDOG_MODEL",
    show_envvar=True,
    shell_complete=complete_models,
    help="A CatDogModel, which says where its Kafka is, and its topics.",
)
_argument = click.argument("model", required=False, shell_complete=complete_models)


def kafka_of_a_model(*, as_option: bool = False) -> Callable[[Command], Command]:
    """Give a command the model and the way to its cluster; as first argument it gets the model's Kafka.

    That is None where no model is named: then no cluster is asked for anything.
    """

    def add(command: Command) -> Command:
        @(_option if as_option else _argument)
        @where_options
        @functools.wraps(command)
        def with_kafka(where: Where, *, model: str | None, **others: Any) -> Any:  # noqa: ANN401 - the command's
            return command(None if model is None else read_model_kafka(connect(where).get(model)), **others)

        return with_kafka

    return add
