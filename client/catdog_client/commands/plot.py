"""`catdog plot`: fetches the pictures of a version, and what else lies beside them."""

from pathlib import Path

import click

from catdog_client.cluster.models import Models
from catdog_client.cluster.options import cluster_options, model_argument, version_argument
from catdog_client.cluster.reader import reading
from catdog_client.model_versions import find_version
from catdog_client.version_files import fetch_version
from catdog_common.artifact import TRUNK_FILE


@click.command()
@model_argument
@version_argument
@click.option(
    "--to",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="A folder, which is made where it is not there; without it, MODEL-VERSION.",
)
@click.option("--all", "everything", is_flag=True, help="The network too: all that a worker serves by.")
@cluster_options
def plot(
    models: Models, model: str, version: int | None, directory: Path | None, *, everything: bool
) -> None:
    """Fetch a version's pictures, card and figures.

    Its curves, what was taken for what, the photos that are likely mislabelled, and what else lies beside
    them. Without VERSION, of the version that serves, else of the newest. Each file is checked by its digest;
    what is in the folder by the same names is replaced, and what was fetched there of another version goes.

    They are read in a worker of the model. Where none runs, a Job sees the claim for as long as that takes.
    """
    body = models.get(model)
    published = find_version(body, version)
    target = directory or Path(f"{model}-{published.version}")
    with reading(models, body) as reader:
        for file in fetch_version(reader, published, target, lambda name: everything or name != TRUNK_FILE):
            click.echo(file)
