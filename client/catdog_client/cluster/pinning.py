"""Pins a version, or ends that; says what follows, and may await it."""

import sys

from catdog_client.cluster.changes import Changed, paused_note
from catdog_client.cluster.decisions import is_ready, is_settled
from catdog_client.cluster.following import await_model
from catdog_client.cluster.model import Model
from catdog_client.cluster.models import Models
from catdog_client.errors import NOT_SO, ClientError
from catdog_client.terminal import OutputFormat, print_changed


def pin(
    models: Models,
    model: Model,
    version: int | None,
    notes: tuple[str, ...],
    output: OutputFormat,
    seconds: float | None,
) -> None:
    """Set spec.inference.modelVersion; with `seconds` await so long that the version serves.

    Raises:
        ClientError: the API server refuses, or it does not serve by then.
    """
    if seconds is not None:
        refuse_to_await(model)
    before = model.spec.inference.model_version
    edited = models.edit(model.name, {"inference": {"modelVersion": version}})
    print_changed(
        Changed(
            model=model.name,
            namespace=models.namespace,
            field="spec.inference.modelVersion",
            before=before,
            now=version,
            notes=notes,
        ),
        output,
    )
    if seconds is None:
        return

    def serves(each: Model) -> bool:
        return is_ready(each) and version in (None, each.served)

    def holds(each: Model) -> bool:
        # A training that goes on beside it may take hours.
        seen = each.metadata.generation >= edited.metadata.generation
        return seen and (serves(each) or is_settled(each))

    ended = await_model(models, model.name, holds, seconds)
    if not serves(ended):
        sys.exit(NOT_SO)


def refuse_to_await(model: Model) -> None:
    """Refuse to wait for a model that the operator leaves alone.

    Raises:
        ClientError: it is paused.
    """
    if model.spec.paused:
        raise ClientError(f"{paused_note(model.name)}; without --wait it can be set now")
