"""A model as a person reads it. Pure: the same model at the same time is the same text."""

from collections.abc import Iterable
from datetime import datetime

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from catdog_client.cluster.changes import describe_version
from catdog_client.cluster.decisions import failure_of_present_settings
from catdog_client.cluster.model import Change, Condition, Model, Progress
from catdog_client.cluster.wording import ago, extent, figures, number, remarks, share, span, tell_shadow

PHASE_STYLES = {
    "Serving": "green",
    "Training": "cyan",
    "RollingOut": "cyan",
    "Degraded": "yellow",
    "Failed": "red",
}
MARKS = {"True": ("✓", "green"), "False": ("✗", "red")}
VERDICT_STYLES = {"Passed": "green", "Failed": "red", "NotJudged": "yellow"}

_BAR_WIDTH = 30
_CHANGES = 5  # of the history that are shown


def render_list(models: Iterable[Model], *, everywhere: bool) -> Table:
    """Return a table with a row for each model."""
    table = _table(
        *(["NAMESPACE"] if everywhere else []), "NAME", "PHASE", "VERSION", "ACCURACY", "WORKERS", "READY"
    )
    for model in models:
        served, ready = model.status.inference, model.condition("Ready")
        table.add_row(
            *([model.metadata.namespace] if everywhere else []),
            model.name,
            _phase(model),
            number(served.served_version),
            share(served.accuracy),
            f"{served.ready_replicas}/{model.spec.inference.replicas}",
            _mark(ready.status if ready else "") + Text(f" {ready.reason}" if ready else " "),
        )
    return table


def render_model(model: Model, now: datetime) -> Group:
    """Return all that is worth knowing of a model."""
    parts: list[RenderableType] = [_headline(model)]
    if model.status.progress is not None:
        parts.append(Padding(render_progress(model.status.progress, now), (1, 0, 0, 0)))
    if model.status.conditions:
        parts.append(Padding(_conditions(model.status.conditions, now), (1, 0, 0, 0)))
    if model.status.versions:
        parts.append(Padding(_versions(model, now), (1, 0, 0, 0)))
    if (shadow := model.status.inference.shadow) is not None:
        parts.append(Padding(Text(tell_shadow(shadow, now)), (1, 0, 0, 0)))
    if model.status.history:
        parts.append(Padding(_history(model.status.history, now), (1, 0, 0, 0)))
    return Group(*parts)


def render_progress(progress: Progress, now: datetime) -> RenderableType:
    """Return a bar of the stage that a training is in, and its figures."""
    done, total = extent(progress)
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_row(
        Text("training", style="cyan"),
        ProgressBar(total=float(total or 1), completed=float(done or 0), width=_BAR_WIDTH),
        Text(figures(progress, now)),
    )
    return grid


def describe(model: Model, now: datetime) -> str:
    """Return in one line what a model is at, for where nothing can be drawn twice."""
    if not model.seen:
        return f"{model.name}: the operator has not seen the last edit yet"
    if model.status.progress is not None and model.status.phase == "Training":
        return f"{model.name}: Training: {figures(model.status.progress, now, with_time=False)}"
    ready = model.condition("Ready")
    said = ready.message if ready else "nothing is said of it yet"
    return f"{model.name}: {model.status.phase or 'Pending'}: {said}"


def _headline(model: Model) -> Text:
    served, replicas = model.status.inference, model.spec.inference.replicas
    line = Text.assemble((model.name, "bold"), f" in {model.metadata.namespace}: ", _phase(model))
    if served.served_version is not None:
        line.append(f", version {served.served_version}")
        if served.accuracy is not None:
            line.append(f" ({share(served.accuracy)} right)")
        line.append(f", {served.ready_replicas} of {replicas} workers ready")
    if (pin := model.spec.inference.model_version) is not None:
        line.append(f", version {pin} is pinned")
    if model.spec.promotion.policy == "Manual":
        line.append(", promoted by hand")
    if not model.seen:
        line.append("\nthe operator has not seen the last edit yet", style="yellow")
    return line


def _phase(model: Model) -> Text:
    phase = model.status.phase or "Pending"
    return Text(phase, style=PHASE_STYLES.get(phase, ""))


def _conditions(conditions: tuple[Condition, ...], now: datetime) -> Table:
    table = _table("", "CONDITION", "REASON", "SINCE", "MESSAGE")
    for each in conditions:
        since = "" if each.last_transition_time is None else span(now - each.last_transition_time)
        table.add_row(_mark(each.status), each.type, each.reason, since, Text(each.message))
    return table


def _versions(model: Model, now: datetime) -> Table:
    table = _table("VERSION", "ACCURACY", "PHOTOS", "GATE", "TRAINED", "FIRST SERVED", "")
    for each in model.status.versions:
        table.add_row(
            str(each.version),
            share(each.accuracy),
            number(each.photos),
            Text(each.verdict, style=VERDICT_STYLES.get(each.verdict, "")),
            ago(each.trained_at, now),
            ago(each.first_served_time, now),
            ", ".join(remarks(model, each)),
        )
    return table


def _history(history: tuple[Change, ...], now: datetime) -> Text:
    told = (f"version {each.version} {ago(each.time, now)} ({each.reason})" for each in history[:_CHANGES])
    more = "; …" if len(history) > _CHANGES else ""
    return Text(f"came to serve: {'; '.join(told)}{more}")


def describe_failure(model: Model) -> str | None:
    """Return how the last training of the present settings failed, if it did."""
    if (failure := failure_of_present_settings(model)) is None:
        return None
    again = failure.next_attempt_time
    when = f"; it is tried again at {again:%H:%M:%S} UTC" if again is not None else ""
    return f"{failure.reason}: {failure.message}{when}"


def describe_training(model: Model, before: Model) -> str:
    """Return what came of a training that did not fail, of a model that was as `before` says."""
    if (version := model.present_version) is None:
        return "no version of the present settings is on the claim"
    if any(each.version == version.version for each in before.status.versions):
        came = f"nothing was trained, as version {version.version} was there already"
    else:
        came = f"version {version.version} is trained"
    trained = f"{came}, {describe_version(version)}"
    if version.version == model.served:
        return f"{trained}; it serves"
    promoted = model.condition("Promoted")
    return f"{trained}; it does not serve: {promoted.message if promoted else 'nobody says why'}"


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        folds = column == "MESSAGE"
        table.add_column(column, overflow="fold", no_wrap=not folds)
    return table


def _mark(status: str) -> Text:
    return Text(*MARKS.get(status, ("?", "yellow")))
