"""`catdog promote`: has a version serve by pinning it, or ends that."""

import click

from catdog_client.cluster.changes import explain_pin, explain_unpin
from catdog_client.cluster.decisions import check_version
from catdog_client.cluster.models import Models
from catdog_client.cluster.options import cluster_options, model_argument, version_argument, wait_options
from catdog_client.cluster.pinning import pin
from catdog_client.terminal import OutputFormat, output_option


@click.command(short_help="Have a version serve, or end its pin.")
@model_argument
@version_argument
@click.option("--unpin", is_flag=True, help="End the pin: spec.promotion decides again which version serves.")
@wait_options
@output_option
@cluster_options
def promote(
    models: Models,
    /,
    model: str,
    version: int | None,
    timeout: float,
    output: OutputFormat,
    *,
    unpin: bool,
    wait: bool,
) -> None:
    """Have VERSION of MODEL serve, whatever the gate says of it: set spec.inference.modelVersion.

    It is pinned until --unpin, or until another version is promoted. What serves goes on answering until the
    pods of the other version are ready.
    """
    if unpin == (version is not None):
        raise click.UsageError("give either VERSION or --unpin")
    found = models.find(model)
    if version is None:
        notes = explain_unpin(found)
    else:
        check_version(found, version)
        notes = explain_pin(found, version)
    pin(models, found, version, notes, output, timeout if wait else None)
