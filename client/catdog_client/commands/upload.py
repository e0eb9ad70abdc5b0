"""`catdog upload`: puts photos where a training reads them."""

import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource
from rich.console import Console
from rich.progress import Progress

from catdog_client.config import KafkaConfig
from catdog_client.folder import LabelledFile, LeftOut, find_photos
from catdog_client.model_kafka import configure_model
from catdog_client.options import PathType, option
from catdog_client.upload import Target
from catdog_client.upload import upload as upload_to_bucket
from catdog_client.upload_topic import upload_to_topic

# By whether they were typed, or both are from the environment.
_HOW_TO_CHOOSE = {
    True: ": leave one out",
    False: ", by CATDOG_TOPIC and CATDOG_S3_...: unset one, or give the place that is meant as an option",
}


@click.command(short_help="Put photos into a topic or a bucket, to train on.")
@click.argument("directory", type=click.Path(path_type=Path, exists=True, file_okay=False))
@option("topic", "A topic, which has to be there; the options before the command lead to its Kafka.")
@option("s3-endpoint", "https://host[:port] of an S3.")
@option("s3-bucket", "A bucket in it, which has to be there.")
@option("s3-prefix", "What the keys begin with.", default="", show_default=True)
@option("s3-region", "The bucket's region.", default="us-east-1", show_default=True)
@option("s3-ca-file", "Certificates to trust; without it, the public CAs.", type=PathType)
@click.pass_context
def upload(context: click.Context, /, directory: Path, topic: str | None, **options: Any) -> None:  # noqa: ANN401 - with "s3_" they are a Target's fields
    """Put the photos of DIRECTORY into a topic or a bucket, for a model to be trained on.

    They are those below training/{cat,dog} and validation/{cat,dog}, or {cat,dog}.

    In a topic, for spec.training.dataset.kafka, each is the value of a record with a header label, and where
    DIRECTORY says it a header split; the key is the photo's digest. The last line says which offsets they
    have, as spec.training.dataset.kafka.offsets takes them.

    In a bucket, for spec.training.dataset.s3, they are named as in DIRECTORY. Who asks is taken from
    AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment.

    A place that is given by options is meant, whatever variables name another.

    What can't be read or is too large is named and left out, and the exit code is then 1.
    """
    topic = _choose_topic(context, topic, options)
    photos, left_out = find_photos(directory)
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("uploading", total=len(photos))

        def on_photo() -> None:
            progress.advance(task)

        if topic is None:
            target = Target(**{name.removeprefix("s3_"): value for name, value in options.items()})
            more, place = _fill_bucket(photos, target, on_photo)
        else:
            more, place = _fill_topic(photos, configure_model(None, KafkaConfig), topic, on_photo)
    left_out += more
    for name, why in left_out:
        click.echo(f"{name} {why}", err=True)
    besides = f"{len(left_out)} left out; " if left_out else ""
    click.echo(f"{besides}{len(photos) - len(more)} photos are in {place}")
    if left_out:
        sys.exit(1)


def _choose_topic(context: click.Context, topic: str | None, options: dict[str, Any]) -> str | None:
    """Return the topic that is meant, None where it is a bucket; what is typed beats the environment.

    Raises:
        click.UsageError: no place is named, or two are.
    """
    source = context.get_parameter_source
    s3 = [name for name in options if source(name) is not ParameterSource.DEFAULT]
    s3_typed = [name for name in s3 if source(name) is ParameterSource.COMMANDLINE]
    topic_typed = source("topic") is ParameterSource.COMMANDLINE
    if topic is not None and s3 and topic_typed == bool(s3_typed):
        option = (s3_typed or s3)[0].replace("_", "-")
        raise click.UsageError(f"--topic and --{option} name two places{_HOW_TO_CHOOSE[topic_typed]}")
    if topic is not None and not s3_typed:
        return topic
    if not (options["s3_endpoint"] and options["s3_bucket"]):
        raise click.UsageError("no place is named: give --topic, or --s3-endpoint and --s3-bucket")
    return None


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
