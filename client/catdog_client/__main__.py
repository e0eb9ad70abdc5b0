"""The command `catdog`: owns options, signals and exit codes."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource
from rich.console import Console
from rich.progress import Progress

from catdog_client.config import Config, KafkaConfig
from catdog_client.exchange import ClientError, Exchange
from catdog_client.folder import LabelledFile, LeftOut, find_photos
from catdog_client.outcome import Outcome, as_json, as_table
from catdog_client.sending import Report, Sending, send_photos
from catdog_client.upload import Target
from catdog_client.upload import upload as upload_to_bucket
from catdog_client.upload_topic import upload_to_topic

AnyConfig = TypeVar("AnyConfig", bound=KafkaConfig)
Command = TypeVar("Command", bound=Callable[..., Any])
PathType = click.Path(path_type=Path)
OPTIONAL = {"max_image_bytes"}


def _option(name: str, text: str, **settings: Any) -> Callable[[Command], Command]:  # noqa: ANN401 - click's own
    variable = "CATDOG_" + name.upper().replace("-", "_")
    return click.option(f"--{name}", envvar=variable, show_envvar=True, help=text, **settings)


@click.group(context_settings={"max_content_width": 110})
@_option("kafka-bootstrap-servers", "Kafka's address, host:port.")
@_option("kafka-ca-dir", "A folder whose *.crt files are trusted.", type=PathType)
@_option("kafka-user-dir", "A folder with user.crt and user.key.", type=PathType)
@_option("input-topic", "The topic that takes images.")
@_option("output-topic", "The topic of the answers.")
@_option("dead-letter-topic", "The topic of what could not be answered.")
@_option(
    "max-image-bytes",
    "The model's spec.kafka.maxImageBytes; without it, what the topic allows.",
    type=click.IntRange(min=1),
)
@click.pass_context
def cli(context: click.Context, /, **options: Any) -> None:  # noqa: ANN401 - whatever the options above are
    """Talk to a CatDogModel through its Kafka topics, and give it photos to learn from."""
    context.obj = options


def _configure(options: dict[str, Any], settings: type[AnyConfig]) -> AnyConfig:
    wanted = {name: options[name] for name in settings.__struct_fields__}
    missing = [name for name, value in wanted.items() if value is None and name not in OPTIONAL]
    if missing:
        option, variable = "--" + missing[0].replace("_", "-"), "CATDOG_" + missing[0].upper()
        raise click.UsageError(f"{option} is missing: give it before the command, or set {variable}")
    return settings(**wanted)


@cli.command()
@click.argument("photos", nargs=-1, required=True, type=PathType)
@click.option("--wait", is_flag=True, help="Wait for the answers, and show them.")
@click.option(
    "--timeout", default=60.0, show_default=True, help="Seconds to wait after the last sign of life."
)
@click.option("--rate", type=click.FloatRange(min=0, min_open=True), help="Send so many photos a second.")
@click.option("--repeat", is_flag=True, help="Send them over and over, until Ctrl-C.")
@click.option("--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.pass_obj
def send(connection: dict[str, Any], /, output: str, **options: Any) -> None:  # noqa: ANN401 - they are a Sending's fields
    """Send PHOTOS to the model; with --wait show what it answers.

    The exit code is 1 where a photo was not sent or not answered.
    """
    config = _configure(connection, Config)
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


@cli.command()
@click.argument("directory", type=click.Path(path_type=Path, exists=True, file_okay=False))
@_option("topic", "A topic, which has to be there; the options before the command lead to its Kafka.")
@_option("s3-endpoint", "https://host[:port] of an S3.")
@_option("s3-bucket", "A bucket in it, which has to be there.")
@_option("s3-prefix", "What the keys begin with.", default="", show_default=True)
@_option("s3-region", "The bucket's region.", default="us-east-1", show_default=True)
@_option("s3-ca-file", "Certificates to trust; without it, the public CAs.", type=PathType)
@click.pass_context
def upload(context: click.Context, /, directory: Path, topic: str | None, **options: Any) -> None:  # noqa: ANN401 - with "s3_" they are a Target's fields
    """Put the photos of DIRECTORY into a topic or a bucket, for a model to be trained on.

    They are those below training/{cat,dog} and validation/{cat,dog}, or {cat,dog}.

    In a topic, for spec.training.dataset.kafka, each is the value of a record with a header label, and where
    DIRECTORY says it a header split; the key is the photo's digest. The last line says which offsets they
    have, as spec.training.dataset.kafka.offsets takes them.

    In a bucket, for spec.training.dataset.s3, they are named as in DIRECTORY. Who asks is taken from
    AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment.

    What can't be read or is too large is named and left out, and the exit code is then 1.
    """
    _check_place(context, topic, options)
    photos, left_out = find_photos(directory)
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("uploading", total=len(photos))

        def on_photo() -> None:
            progress.advance(task)

        if topic is None:
            target = Target(**{name.removeprefix("s3_"): value for name, value in options.items()})
            more, place = _fill_bucket(photos, target, on_photo)
        else:
            more, place = _fill_topic(photos, _configure(context.obj, KafkaConfig), topic, on_photo)
    left_out += more
    for name, why in left_out:
        click.echo(f"{name} {why}", err=True)
    besides = f"{len(left_out)} left out; " if left_out else ""
    click.echo(f"{besides}{len(photos) - len(more)} photos are in {place}")
    if left_out:
        sys.exit(1)


def _check_place(context: click.Context, topic: str | None, options: dict[str, Any]) -> None:
    """Refuse to put photos nowhere, or into two places at once."""
    given = [
        f"--{name.replace('_', '-')}"
        for name in options
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT
    ]
    if topic is not None and given:
        variables = "CATDOG_TOPIC and CATDOG_S3_...: unset one"
        raise click.UsageError(
            f"--topic and {given[0]} name two places: leave one out (or, of the environment's {variables})"
        )
    if topic is None and not (options["s3_endpoint"] and options["s3_bucket"]):
        raise click.UsageError("no place is named: give --topic, or --s3-endpoint and --s3-bucket")


def _fill_bucket(
    photos: Sequence[LabelledFile], target: Target, on_photo: Callable[[], None]
) -> tuple[list[LeftOut], str]:
    left_out = upload_to_bucket(photos, target, os.environ, on_photo)
    return left_out, f"s3://{target.bucket}/{target.prefix}"


def _fill_topic(
    photos: Sequence[LabelledFile], config: KafkaConfig, topic: str, on_photo: Callable[[], None]
) -> tuple[list[LeftOut], str]:
    uploaded = asyncio.run(upload_to_topic(photos, config, topic, on_photo))
    ranges = (
        f"{{partition: {each.partition}, start: {each.start}, end: {each.end}}}" for each in uploaded.offsets
    )
    return uploaded.left_out, f"topic {topic}, offsets: [{', '.join(ranges)}]"


async def _send(config: Config, sending: Sending, report: Report) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, stop.set)
    async with Exchange(config) as exchange:
        await send_photos(exchange, sending, report, stop)


def main() -> None:
    """Run the command; what a person can mend is one line on standard error, and exit code 1."""
    try:
        cli(prog_name="catdog")
    except ClientError as error:
        click.echo(f"catdog: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
