"""`catdog retrain`: trains again on unchanged settings, say after photos were added."""

import sys
from datetime import UTC, datetime

import click

from catdog_client.cluster.changes import Changed, explain_retraining
from catdog_client.cluster.decisions import failure_of_present_settings, is_settled, new_revision
from catdog_client.cluster.following import await_model
from catdog_client.cluster.model import Model
from catdog_client.cluster.models import Models
from catdog_client.cluster.options import cluster_options, model_argument, wait_options
from catdog_client.cluster.pinning import refuse_to_await
from catdog_client.cluster.rendering import describe_failure, describe_training
from catdog_client.errors import NOT_SO, ClientError
from catdog_client.terminal import OutputFormat, output_option, print_changed


@click.command(short_help="Train again on the present settings.")
@model_argument
@click.option("--revision", help="The new spec.training.revision; without it, the time.")
@wait_options
@output_option
@cluster_options
def retrain(
    models: Models,
    /,
    model: str,
    revision: str | None,
    timeout: float,
    output: OutputFormat,
    *,
    wait: bool,
) -> None:
    """Train MODEL again on its settings: set another spec.training.revision.

    What serves goes on serving meanwhile. A revision whose version is on the claim already trains nothing:
    that version is taken. With --wait the exit code is 1 where the training failed, and 3
    where its version does not serve: the gate refused it, another is pinned, or promotion is by hand.
    """
    found = models.find(model)
    wanted = new_revision(found, revision, datetime.now(UTC))
    if wait:
        refuse_to_await(found)
    edited = models.edit(model, {"training": {"revision": wanted}})
    changed = Changed(
        model=model,
        namespace=models.namespace,
        field="spec.training.revision",
        before=found.spec.training.revision or None,
        now=wanted,
        notes=explain_retraining(found, revision),
    )
    print_changed(changed, output)
    if wait:
        _await(models, found, edited, timeout)


def _await(models: Models, before: Model, edited: Model, seconds: float) -> None:
    def holds(model: Model) -> bool:
        seen = model.seen and model.metadata.generation >= edited.metadata.generation
        return seen and (is_settled(model) or failure_of_present_settings(model) is not None)

    ended = await_model(models, edited.name, holds, seconds)
    if (failure := describe_failure(ended)) is not None:
        raise ClientError(f"the training failed: {failure}")
    click.echo(f"{edited.name}: {describe_training(ended, before)}", err=True)
    if (trained := ended.present_version) is None or trained.version != ended.served:
        sys.exit(NOT_SO)
