"""A model as a person reads it. Pure: the same model at the same time is the same text."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from catdog_client.cluster.changes import describe_version
from catdog_client.cluster.decisions import failure_of_present_settings
from catdog_client.cluster.model import Change, Condition, Model, Progress, Version

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
_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))


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
            _text(served.served_version),
            _share(served.accuracy),
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
    if model.status.history:
        parts.append(Padding(_history(model.status.history, now), (1, 0, 0, 0)))
    return Group(*parts)


def render_progress(progress: Progress, now: datetime) -> RenderableType:
    """Return a bar of the stage that a training is in, and its figures."""
    done, total = _extent(progress)
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_row(
        Text("training", style="cyan"),
        ProgressBar(total=float(total or 1), completed=float(done or 0), width=_BAR_WIDTH),
        Text(_figures(progress, now)),
    )
    return grid


def describe(model: Model, now: datetime) -> str:
    """Return in one line what a model is at, for where nothing can be drawn twice."""
    if not model.seen:
        return f"{model.name}: the operator has not seen the last edit yet"
    if model.status.progress is not None and model.status.phase == "Training":
        return f"{model.name}: Training: {_figures(model.status.progress, now, with_time=False)}"
    ready = model.condition("Ready")
    said = ready.message if ready else "nothing is said of it yet"
    return f"{model.name}: {model.status.phase or 'Pending'}: {said}"


def _headline(model: Model) -> Text:
    served, replicas = model.status.inference, model.spec.inference.replicas
    line = Text.assemble((model.name, "bold"), f" in {model.metadata.namespace}: ", _phase(model))
    if served.served_version is not None:
        line.append(f", version {served.served_version}")
        if served.accuracy is not None:
            line.append(f" ({_share(served.accuracy)} right)")
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
        since = "" if each.last_transition_time is None else _span(now - each.last_transition_time)
        table.add_row(_mark(each.status), each.type, each.reason, since, Text(each.message))
    return table


def _versions(model: Model, now: datetime) -> Table:
    table = _table("VERSION", "ACCURACY", "PHOTOS", "GATE", "TRAINED", "FIRST SERVED", "")
    for each in model.status.versions:
        table.add_row(
            str(each.version),
            _share(each.accuracy),
            _text(each.photos),
            Text(each.verdict, style=VERDICT_STYLES.get(each.verdict, "")),
            _ago(each.trained_at, now),
            _ago(each.first_served_time, now),
            ", ".join(_remarks(model, each)),
        )
    return table


def _remarks(model: Model, version: Version) -> Iterator[str]:
    if version.version == model.served:
        yield "serves"
    if version.version == model.spec.inference.model_version:
        yield "pinned"
    if version.hash and version.hash == model.status.training.hash:
        yield "of the present settings"


def _history(history: tuple[Change, ...], now: datetime) -> Text:
    told = (f"version {each.version} {_ago(each.time, now)} ({each.reason})" for each in history[:_CHANGES])
    more = "; …" if len(history) > _CHANGES else ""
    return Text(f"came to serve: {'; '.join(told)}{more}")


def _figures(progress: Progress, now: datetime, *, with_time: bool = True) -> str:
    return ", ".join(_list_figures(progress, now, with_time=with_time))


def _list_figures(progress: Progress, now: datetime, *, with_time: bool) -> Iterator[str]:
    done, total = _extent(progress)
    yield f"{progress.stage or 'Starting'} {done}/{total}" if total else progress.stage or "Starting"
    if progress.val_accuracy is not None:
        yield f"{_share(progress.val_accuracy)} of validation right"
    if progress.photos_per_second is not None:
        yield f"{progress.photos_per_second:.0f} photos/s"
    if with_time and (end := progress.estimated_completion_time) is not None:
        yield f"done in about {_span(end - now)}"


def _extent(progress: Progress) -> tuple[int | None, int | None]:
    """Return how many epochs or photos are done, and of how many."""
    if progress.epochs is not None and progress.total_photos is None:
        return progress.epoch or 0, progress.epochs
    return progress.photos or 0, progress.total_photos


def describe_failure(model: Model) -> str | None:
    """Return how the last training of the present settings failed, if it did."""
    if (failure := failure_of_present_settings(model)) is None:
        return None
    again = failure.next_attempt_time
    when = f"; it is tried again at {again:%H:%M:%S} UTC" if again is not None else ""
    return f"{failure.reason}: {failure.message}{when}"


def describe_training(model: Model) -> str:
    """Return what came of the training of the present settings, where it did not fail."""
    if (version := model.present_version) is None:
        return "no version of the present settings is on the claim"
    trained = f"version {version.version} is trained, {describe_version(version)}"
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


def _share(fraction: float | None) -> str:
    return "" if fraction is None else f"{fraction:.1%}"


def _text(number: int | None) -> str:
    return "" if number is None else str(number)


def _ago(time: datetime | None, now: datetime) -> str:
    return "" if time is None else f"{_span(now - time)} ago"


def _span(span: timedelta) -> str:
    """Return a time span by its largest unit, or by two where the larger one is small."""
    seconds = max(int(span.total_seconds()), 0)
    for position, (unit, length) in enumerate(_UNITS):
        if (count := seconds // length) and length > 1:
            smaller, part = _UNITS[position + 1]
            rest = seconds % length // part
            return f"{count} {unit} {rest} {smaller}" if count < 3 and rest else f"{count} {unit}"
    return f"{seconds} s"
