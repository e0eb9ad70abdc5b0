"""`catdog watch`: shows answers and dead letters as they come."""

import asyncio
import signal
from contextlib import suppress
from typing import NamedTuple

import click
import msgspec

from catdog_client.config import AnswersConfig
from catdog_client.model_kafka import ModelKafka, configure_model
from catdog_client.model_options import kafka_of_a_model
from catdog_client.reading import following
from catdog_client.seen import header, is_of, row, see_answer, see_dead_letter


class _Watching(NamedTuple):
    model: ModelKafka | None
    from_beginning: bool
    most: int | None
    output: str


@click.command()
@kafka_of_a_model()
@click.option("--from-beginning", is_flag=True, help="First show what the topics have from before.")
@click.option("--count", type=click.IntRange(min=1), help="End after so many.")
@click.option("--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
def watch(kafka: ModelKafka | None, /, output: str, count: int | None, *, from_beginning: bool) -> None:
    """Show answers and dead letters as they come.

    Of MODEL, until Ctrl-C.

    The model's status.kafka says where its Kafka is, and the topics, but for what the options before the
    command say; without MODEL they say all. It joins no group, and keeps nobody from a record.
    """
    config = configure_model(kafka, AnswersConfig)
    asyncio.run(_watch(config, _Watching(kafka, from_beginning, count, output)))


async def _watch(config: AnswersConfig, watching: _Watching) -> None:
    showing = asyncio.ensure_future(_show(config, watching))
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, showing.cancel)
    with suppress(asyncio.CancelledError):
        await showing


async def _show(config: AnswersConfig, watching: _Watching) -> None:
    left = watching.most
    topics = (config.output_topic, config.dead_letter_topic)
    async with following(config, topics, from_beginning=watching.from_beginning) as records:
        click.echo(f"watching topics {' and '.join(topics)}", err=True)
        if watching.output == "table":
            click.echo(header())
        async for record in records:
            is_dead = record.topic == config.dead_letter_topic
            seen = see_dead_letter(record) if is_dead else see_answer(record)
            if (kafka := watching.model) and not is_of(seen, kafka.model, kafka.status.input_topic):
                continue
            click.echo(msgspec.json.encode(seen) if watching.output == "json" else row(seen))
            left = None if left is None else left - 1
            if left == 0:
                return
