"""`catdog send`: sends photos, and shows what the model answers."""

import asyncio
import signal
import sys
from typing import Any

import click
from rich.console import Console

from catdog_client.config import Config
from catdog_client.exchange import Exchange
from catdog_client.model_kafka import ModelKafka, configure_model
from catdog_client.model_options import kafka_of_a_model
from catdog_client.options import PathType
from catdog_client.outcome import Outcome, as_json, as_table
from catdog_client.sending import Report, Sending, send_photos


@click.command(short_help="Send photos, and see the answers.")
@click.argument("photos", nargs=-1, required=True, type=PathType)
@click.option("--wait", is_flag=True, help="Wait for the answers, and show them.")
@click.option(
    "--timeout", default=60.0, show_default=True, help="Seconds to wait after the last sign of life."
)
@click.option("--rate", type=click.FloatRange(min=0, min_open=True), help="Send so many photos a second.")
@click.option("--repeat", is_flag=True, help="Send them over and over, until Ctrl-C.")
@click.option("--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
@kafka_of_a_model(as_option=True)
def send(kafka: ModelKafka | None, /, output: str, **options: Any) -> None:  # noqa: ANN401 - they are a Sending's fields
    """Send PHOTOS to the model; with --wait show what it answers.

    With --model, its status.kafka says where its Kafka is, and the topics, but for what the options before
    the command say. The exit code is 1 where a photo was not sent or not answered.
    """
    config = configure_model(kafka, Config)
    outcomes: list[Outcome] = []
    sending = Sending(**options)

    def report(outcome: Outcome) -> None:
        outcomes.append(outcome)
        if output == "json":
            click.echo(as_json(outcome))

    asyncio.run(_send(config, sending, report))
    if output == "table":
        order = {str(photo): number for number, photo in enumerate(sending.photos)}
        outcomes.sort(key=lambda outcome: order[outcome.file])
        Console(highlight=False).print(as_table(outcomes, answered=sending.wait))
    if any(outcome.error for outcome in outcomes):
        sys.exit(1)


async def _send(config: Config, sending: Sending, report: Report) -> None:
    stop = asyncio.Event()
    async with Exchange(config) as exchange:  # until then Ctrl-C ends it all
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stop.set)
        await send_photos(exchange, sending, report, stop)
