"""Options that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])
PathType = click.Path(path_type=Path)


def option(name: str, text: str, **settings: Any) -> Callable[[Command], Command]:  # noqa: ANN401 - click's own
    """Return an option that a variable CATDOG_... of the environment can set as well."""
    variable = "CATDOG_" + name.upper().replace("-", "_")
    return click.option(f"--{name}", envvar=variable, show_envvar=True, help=text, **settings)


def kafka_options(command: Command) -> Command:
    """Give a command the options that lead to Kafka, and to the topics of a model."""
    for add in reversed(_KAFKA_OPTIONS):
        command = add(command)
    return command


_KAFKA_OPTIONS = (
    option("kafka-bootstrap-servers", "Kafka's address, host:port."),
    option("kafka-ca-dir", "A folder whose *.crt files are trusted.", type=PathType),
    option("kafka-user-dir", "A folder with user.crt and user.key, or with password.", type=PathType),
    option(
        "kafka-sasl-mechanism",
        "How you are let in by a password.",
        type=click.Choice(["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"]),
    ),
    option("kafka-username", "Whose password it is."),
    option("input-topic", "The topic that takes images."),
    option("output-topic", "The topic of the answers."),
    option("dead-letter-topic", "The topic of what could not be answered."),
    option(
        "max-image-bytes",
        "The model's spec.kafka.maxImageBytes; without it, what the topic allows.",
        type=click.IntRange(min=1),
    ),
)
