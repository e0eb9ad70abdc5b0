"""Options that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from catdog_client.config import KafkaConfig

AnyConfig = TypeVar("AnyConfig", bound=KafkaConfig)
Command = TypeVar("Command", bound=Callable[..., Any])
PathType = click.Path(path_type=Path)
OPTIONAL = {"max_image_bytes"}


def option(name: str, text: str, **settings: Any) -> Callable[[Command], Command]:  # noqa: ANN401 - click's own
    """Return an option that a variable CATDOG_... of the environment can set as well."""
    variable = "CATDOG_" + name.upper().replace("-", "_")
    return click.option(f"--{name}", envvar=variable, show_envvar=True, help=text, **settings)


def kafka_options(command: Command) -> Command:
    """Give a command the options that lead to Kafka, and to the topics of a model."""
    for add in reversed(_KAFKA_OPTIONS):
        command = add(command)
    return command


def configure(options: dict[str, Any], settings: type[AnyConfig]) -> AnyConfig:
    """Return the settings that the options before the command make.

    Raises:
        click.UsageError: one is missing; the message names it and its variable.
    """
    wanted = {name: options[name] for name in settings.__struct_fields__}
    missing = [name for name, value in wanted.items() if value is None and name not in OPTIONAL]
    if missing:
        flag, variable = "--" + missing[0].replace("_", "-"), "CATDOG_" + missing[0].upper()
        raise click.UsageError(f"{flag} is missing: give it before the command, or set {variable}")
    return settings(**wanted)


_KAFKA_OPTIONS = (
    option("kafka-bootstrap-servers", "Kafka's address, host:port."),
    option("kafka-ca-dir", "A folder whose *.crt files are trusted.", type=PathType),
    option("kafka-user-dir", "A folder with user.crt and user.key.", type=PathType),
    option("input-topic", "The topic that takes images."),
    option("output-topic", "The topic of the answers."),
    option("dead-letter-topic", "The topic of what could not be answered."),
    option(
        "max-image-bytes",
        "The model's spec.kafka.maxImageBytes; without it, what the topic allows.",
        type=click.IntRange(min=1),
    ),
)
