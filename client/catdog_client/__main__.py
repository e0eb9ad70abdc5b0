"""The command `catdog`: owns options, signals and exit codes."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.progress import Progress

from catdog_client.config import Config
from catdog_client.exchange import ClientError, Exchange
from catdog_client.outcome import Outcome, as_json, as_table
from catdog_client.sending import Report, Sending, send_photos
from catdog_client.upload import Target, find_photos
from catdog_client.upload import upload as upload_photos

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
    "The model's spec.kafka.maxImageBytes; without it, what the input topic allows.",
    type=click.IntRange(min=1),
)
@click.pass_context
def cli(context: click.Context, /, **options: Any) -> None:  # noqa: ANN401 - whatever the options above are
    """Talk to a CatDogModel through its Kafka topics, and give it photos to learn from."""
    context.obj = options


def _configure(options: dict[str, Any]) -> Config:
    missing = [name for name, value in options.items() if value is None and name not in OPTIONAL]
    if missing:
        option, variable = "--" + missing[0].replace("_", "-"), "CATDOG_" + missing[0].upper()
        raise click.UsageError(f"{option} is missing: give it before the command, or set {variable}")
    return Config(**options)


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
    config = _configure(connection)
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
@_option("s3-endpoint", "https://host[:port] of an S3.", required=True)
@_option("s3-bucket", "The bucket, which has to be there.", required=True)
@_option("s3-prefix", "What the keys begin with.", default="", show_default=True)
@_option("s3-region", "The bucket's region.", default="us-east-1", show_default=True)
@_option("s3-ca-file", "Certificates to trust; without it, the public CAs.", type=PathType)
def upload(directory: Path, **options: Any) -> None:  # noqa: ANN401 - with "s3_" they are a Target's fields
    """Put the photos of DIRECTORY into a bucket, for spec.training.dataset.s3 with the same settings.

    They are those below training/{cat,dog} and validation/{cat,dog}, or {cat,dog}. The keys are taken from
    AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment.
    """
    target = Target(**{name.removeprefix("s3_"): value for name, value in options.items()})
    count = len(find_photos(directory))
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("uploading", total=count)
        upload_photos(directory, target, os.environ, lambda: progress.advance(task))
    click.echo(f"{count} photos are in s3://{target.bucket}/{target.prefix}")


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
