"""The options of `catdog dead-letters` that say whose and which dead letters are meant."""

import re
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import click

from catdog_client.config import Config
from catdog_client.dead_letter import Selection, Span
from catdog_client.model_kafka import ModelKafka, configure_model
from catdog_client.model_options import kafka_of_a_model

Command = Callable[..., Any]

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class _Spans(click.ParamType[Any]):
    name = "partition:offset"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Span:  # noqa: ANN401
        try:
            return value if isinstance(value, Span) else Span.parse(value)
        except ValueError as error:
            self.fail(f"{value!r}: {error}", param, ctx)


class _Age(click.ParamType[Any]):
    name = "age"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:  # noqa: ANN401
        if isinstance(value, int):
            return value
        if not re.fullmatch(r"[0-9]{1,6}[smhd]", value):
            self.fail(f"{value!r}: write a number and s, m, h or d, as in 15m", param, ctx)
        return int(value[:-1]) * _SECONDS[value[-1]]


class Chosen(NamedTuple):
    """What the options choose."""

    config: Config
    selection: Selection


def choosing(command: Command) -> Command:
    """Give a command the model, and the options that say which dead letters are meant."""
    for add in (
        click.option("--output", type=click.Choice(["table", "json"]), default="table", show_default=True),
        click.option("--since", type=_Age(), help="Those of the last 90s, 15m, 2h or 7d."),
        click.option(
            "--offset",
            "spans",
            type=_Spans(),
            multiple=True,
            help="Those at PARTITION:OFFSET or PARTITION:FIRST-LAST, as list shows them; may be repeated.",
        ),
        click.option("--reason", "reasons", multiple=True, help="Those of this reason; may be repeated."),
        kafka_of_a_model(),
    ):
        command = add(command)
    return command


def choose(
    kafka: ModelKafka | None, reasons: tuple[str, ...], spans: tuple[Span, ...], since: int | None
) -> Chosen:
    """Return what the options mean, now.

    Raises:
        click.UsageError: nothing says where Kafka is, or which topics are meant.
    """
    config = configure_model(kafka, Config)
    selection = Selection(
        source_topic=config.input_topic,
        reasons=frozenset(each.casefold() for each in reasons),
        spans=spans,
        since=None if since is None else max(0, int((time.time() - since) * 1000)),
    )
    return Chosen(config, selection)
