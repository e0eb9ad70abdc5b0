"""`catdog rollback`: has the version serve again that served before."""

import click

from catdog_client.cluster.changes import explain_pin, explain_rollback
from catdog_client.cluster.decisions import check_version, served_before
from catdog_client.cluster.models import Models
from catdog_client.cluster.options import cluster_options, model_argument, version_argument, wait_options
from catdog_client.cluster.pinning import pin
from catdog_client.terminal import OutputFormat, output_option


@click.command(short_help="Have the version serve that served before.")
@model_argument
@version_argument
@wait_options
@output_option
@cluster_options
def rollback(
    models: Models, /, model: str, version: int | None, timeout: float, output: OutputFormat, *, wait: bool
) -> None:
    """Have a version of MODEL serve again: VERSION, else the one that served before the present one.

    Which one that is status.history says. It is pinned (spec.inference.modelVersion) until
    `catdog promote MODEL --unpin`. Done twice, it is undone.
    """
    found = models.find(model)
    if version is None:
        change = served_before(found)
        version, notes = change.version, explain_rollback(change)
    else:
        check_version(found, version)
        notes = ()
    pin(models, found, version, (*notes, *explain_pin(found, version)), output, timeout if wait else None)
