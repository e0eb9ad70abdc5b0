"""`catdog compare`: answers photos by two versions of a model, side by side."""

import os
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import msgspec

from catdog_client.cluster.models import Models
from catdog_client.cluster.names import complete_versions
from catdog_client.cluster.options import cluster_options, model_argument
from catdog_client.cluster.reader import reading
from catdog_client.comparing import as_table, check_installed, load
from catdog_client.comparing import compare as compare_versions
from catdog_client.model_versions import find_version
from catdog_client.options import PathType
from catdog_client.terminal import make_console
from catdog_client.version_files import fetch_version

_number = click.IntRange(min=1)


@click.command()
@model_argument
@click.argument("first", metavar="V1", type=_number, shell_complete=complete_versions)
@click.argument("second", metavar="V2", type=_number, shell_complete=complete_versions)
@click.argument("photos", metavar="PHOTO...", nargs=-1, required=True, type=PathType)
@click.option("--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
@cluster_options
def compare(
    models: Models, /, model: str, first: int, second: int, photos: tuple[Path, ...], output: str
) -> None:
    """Show two versions' answers to photos, side by side.

    The answers are computed on this machine, by the versions' own files and the workers' code; nothing is
    sent through Kafka, and it does not matter which version serves. The exit code is 1 where a photo can't
    be read.
    """
    check_installed()
    body = models.get(model)
    published = [find_version(body, each) for each in (first, second)]
    with ExitStack() as stack:
        directories = [Path(stack.enter_context(TemporaryDirectory())) for _ in published]
        with reading(models, body) as reader:
            for each, directory in zip(published, directories, strict=True):
                for _ in fetch_version(reader, each, directory):
                    pass
        threads = os.cpu_count() or 1
        predictors = [
            load(directory, each.version, threads)
            for each, directory in zip(published, directories, strict=True)
        ]
        compared = list(compare_versions(predictors, photos))
    if output == "json":
        for result in compared:
            click.echo(msgspec.json.encode(result))
    else:
        make_console().print(as_table(compared, (first, second)))
        read = [each for each in compared if each.error is None]
        click.echo(f"they agree on {sum(each.agrees for each in read)} of {len(read)} photos")
    if any(each.error for each in compared):
        sys.exit(1)
