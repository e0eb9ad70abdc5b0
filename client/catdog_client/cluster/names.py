"""Completes names of models and numbers of versions from the cluster, for shells."""

import click
from click.shell_completion import CompletionItem

from catdog_client.cluster.kubeconfig import Where
from catdog_client.cluster.model import read_model
from catdog_client.cluster.models import Models, connect
from catdog_client.errors import ClientError


def complete_models(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the models that begin so, with their phases; none where the cluster does not say."""
    try:
        models = [read_model(each) for each in _connect(context).list()]
    except ClientError:
        return []  # while someone types nothing is to be complained about
    found = sorted(models, key=lambda each: each.name)
    return [
        CompletionItem(each.name, help=each.status.phase)
        for each in found
        if each.name.startswith(incomplete)
    ]


def complete_versions(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the model's versions that begin so, with accuracy and verdict."""
    if not (name := context.params.get("model")):
        return []
    try:
        model = _connect(context).find(name)
    except ClientError:
        return []
    return [
        CompletionItem(str(each.version), help=f"{each.accuracy or 0:.1%} {each.verdict}".strip())
        for each in model.status.versions
        if str(each.version).startswith(incomplete)
    ]


def _connect(context: click.Context) -> Models:
    names = ("namespace", "context", "kubeconfig")
    return connect(Where(*(context.params.get(name) for name in names)))
