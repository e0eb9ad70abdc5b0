"""`catdog status`: what becomes of the models, as a person reads it."""

import math
import sys
from datetime import UTC, datetime

import click

from catdog_client.cluster.decisions import is_ready, is_settled
from catdog_client.cluster.following import follow_on
from catdog_client.cluster.model import Model, read_model
from catdog_client.cluster.models import Body, Models
from catdog_client.cluster.names import complete_models
from catdog_client.cluster.options import cluster_options
from catdog_client.cluster.rendering import render_list, render_model
from catdog_client.errors import NOT_SO, ClientError
from catdog_client.terminal import OutputFormat, make_console, output_option, print_document


@click.command(short_help="How models are: conditions, training, versions.")
@click.argument("model", required=False, shell_complete=complete_models)
@click.option("-w", "--watch", is_flag=True, help="Follow MODEL until nothing changes any more, or Ctrl-C.")
@click.option("-A", "--all-namespaces", is_flag=True, help="List the models of all namespaces.")
@output_option
@cluster_options
def status(
    models: Models, /, model: str | None, output: OutputFormat, *, watch: bool, all_namespaces: bool
) -> None:
    """Show how MODEL is: conditions, training, versions; without MODEL list all of the namespace.

    With --output json or yaml it is the resource as the API server has it. The exit code is 3 where a model
    is not ready.
    """
    if model is None:
        if watch:
            raise click.UsageError("--watch follows one model: name it")
        everyone = _list(models, output, everywhere=all_namespaces)
        sys.exit(0 if all(is_ready(each) for each in everyone) else NOT_SO)
    if all_namespaces:
        raise click.UsageError("--all-namespaces lists models: leave it out, or the model")
    shown = _watch(models, model, output) if watch else _show(models.get(model), output)
    sys.exit(0 if is_ready(shown) else NOT_SO)


def _list(models: Models, output: OutputFormat, *, everywhere: bool) -> list[Model]:
    bodies = sorted(models.list(everywhere=everywhere), key=_place)
    found = [read_model(each) for each in bodies]
    if output != "table":
        items = [_tidy(each) for each in bodies]
        print_document({"apiVersion": "v1", "kind": "List", "items": items}, output)
    elif found:
        make_console().print(render_list(found, everywhere=everywhere))
    else:
        where = "no namespace" if everywhere else f"namespace {models.namespace}"
        has = "has a CatDogModel" if everywhere else "has no CatDogModel (--namespace names another)"
        click.echo(f"{where} {has}", err=True)
    return found


def _show(body: Body, output: OutputFormat) -> Model:
    model = read_model(body)
    if output == "table":
        make_console().print(render_model(model, datetime.now(UTC)))
    else:
        print_document(_tidy(body), output)
    return model


def _watch(models: Models, name: str, output: OutputFormat) -> Model:
    """Follow a model; Ctrl-C ends it as it is then."""
    seen: list[Model] = []

    def holds(model: Model) -> bool:
        seen.append(model)
        return is_settled(model)

    try:
        if output == "table":
            return follow_on(make_console(), models, name, holds, math.inf)
        return next(model for body in models.follow(name) if holds(model := _show(body, output)))
    except KeyboardInterrupt:
        if not seen:
            raise ClientError("nothing was heard of it yet") from None
        return seen[-1]


def _place(body: Body) -> tuple[str, str]:
    return body["metadata"]["namespace"], body["metadata"]["name"]


def _tidy(body: Body) -> Body:
    """Leave out who wrote which field, as kubectl does."""
    metadata = {name: value for name, value in body["metadata"].items() if name != "managedFields"}
    return {**body, "metadata": metadata}
