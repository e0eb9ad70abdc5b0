"""`catdog logs`: what trainers, workers and shadows say."""

import click

from catdog_client.cluster.logs import COMPONENTS, Asked, follow_logs, print_logs
from catdog_client.cluster.models import Models
from catdog_client.cluster.options import cluster_options, model_argument


@click.command(short_help="What trainers, workers and shadows say.")
@model_argument
@click.option(
    "-c",
    "--component",
    type=click.Choice(COMPONENTS),
    help="Only the trainer's, the workers', or the shadow's.",
)
@click.option(
    "-f", "--follow", is_flag=True, help="Go on with what they say, those that come later too; until Ctrl-C."
)
@click.option("--tail", type=click.IntRange(min=0), help="So many lines of each pod, the newest.")
@click.option("--since", type=click.IntRange(min=1), metavar="SECONDS", help="No older lines.")
@click.option("--timestamps", is_flag=True, help="With the time before each line.")
@click.option(
    "--prefix/--no-prefix", default=True, show_default=True, help="With the pod's name before each line."
)
@cluster_options
def logs(
    models: Models,
    /,
    model: str,
    component: str | None,
    tail: int | None,
    since: int | None,
    *,
    follow: bool,
    timestamps: bool,
    prefix: bool,
) -> None:
    """Print the logs of MODEL's pods.

    The trainer's, as long as its Job is there, the workers', and the shadow's.
    """
    models.find(model)
    asked = Asked(model, component, tail, since, timestamps=timestamps, prefix=prefix)
    if not follow:
        print_logs(models, asked)
        return
    try:
        follow_logs(models, asked)
    except KeyboardInterrupt:
        return
