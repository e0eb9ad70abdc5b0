"""What the pages say of models: frozen, made of what the API server told. Pure; templates hold no logic."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from urllib.parse import quote

import msgspec

from catdog_client.cluster.model import Condition, Model, Progress, Version
from catdog_client.cluster.rendering import describe_failure
from catdog_client.cluster.wording import extent, number, remarks, share, span
from catdog_console.cluster import Key, Known, Outage
from catdog_console.curves import Chart, draw_accuracies, draw_losses
from catdog_console.epochs import Epoch, Epochs

# How a phase or a verdict is coloured; the word itself always stands beside.
_TONES = {
    "Serving": "good",
    "Training": "busy",
    "RollingOut": "busy",
    "Degraded": "warn",
    "Failed": "bad",
    "Passed": "good",
    "NotJudged": "warn",
    "True": "good",
    "False": "bad",
    "Unknown": "warn",
}
_HISTORY = 10  # changes that are shown
_GATE = {"Passed": "passed", "Failed": "failed", "NotJudged": "not judged"}


class View(msgspec.Struct, frozen=True):
    """What a template is given."""


class Moment(View, frozen=True):
    """A time: as machines read it, and as people do."""

    machine: str
    text: str


class Row(View, frozen=True):
    """A model in the list."""

    namespace: str
    name: str
    url: str
    phase: str
    tone: str
    version: str
    accuracy: str
    workers: str
    words: str  # of the condition Ready


class TrainingView(View, frozen=True):
    """How far a training is."""

    stage: str
    done: int
    total: int  # 0: not known
    figures: tuple[tuple[str, str], ...]
    charts: tuple[Chart, ...]
    epochs: tuple[Epoch, ...]


class ConditionView(View, frozen=True):
    """A condition."""

    kind: str
    status: str
    tone: str
    reason: str
    message: str
    since: Moment | None


class VersionRow(View, frozen=True):
    """A version in a model's table."""

    number: int
    url: str
    accuracy: str
    photos: str
    gate: str
    tone: str
    trained: Moment | None
    remarks: str
    serves: bool


class HistoryRow(View, frozen=True):
    """When a version came to serve, and why."""

    version: int
    reason: str
    time: Moment | None


class ModelView(View, frozen=True):
    """All of a model's page that changes as the model does."""

    namespace: str
    name: str
    url: str
    phase: str
    tone: str
    words: str  # one sentence: how it is
    notes: tuple[str, ...]
    failure: str | None
    training: TrainingView | None
    conditions: tuple[ConditionView, ...]
    versions: tuple[VersionRow, ...]
    history: tuple[HistoryRow, ...]


def url_of(key: Key) -> str:
    """Return the address of a model's page."""
    return f"/models/{quote(key.namespace, safe='')}/{quote(key.name, safe='')}"


def view_list(models: Mapping[Key, Known]) -> tuple[Row, ...]:
    """Return the rows of the list."""
    return tuple(_row(key, known.model) for key, known in models.items())


def view_outages(outages: Mapping[str, Outage]) -> tuple[str, ...]:
    """Return what is to be said where the API server does not tell of a namespace."""
    return tuple(
        f"Nothing is heard of the models of namespace {namespace} since {_clock(outage.since)}: "
        f"{outage.message}. What is shown is from before."
        for namespace, outage in sorted(outages.items())
    )


def view_model(key: Key, known: Known, now: datetime) -> ModelView:
    """Return what a model's page says at a moment."""
    model, status = known.model, known.model.status
    phase = status.phase or "Pending"
    progress = status.progress
    return ModelView(
        namespace=key.namespace,
        name=key.name,
        url=url_of(key),
        phase=phase,
        tone=_tone(phase),
        words=_words(model),
        notes=tuple(_notes(model)),
        failure=describe_failure(model),
        training=None if progress is None else _training(progress, known.epochs, now),
        conditions=tuple(map(_condition, status.conditions)),
        versions=tuple(_version(key, model, each) for each in status.versions),
        history=tuple(
            HistoryRow(each.version, each.reason, moment(each.time)) for each in status.history[:_HISTORY]
        ),
    )


def moment(time: datetime | None) -> Moment | None:
    """Return a time as it is written in a page."""
    return None if time is None else Moment(time.isoformat(), f"{time:%Y-%m-%d %H:%M:%S} UTC")


def gate_words(version: Version) -> str:
    """Return what the gate said of a version."""
    return _GATE.get(version.verdict, version.verdict)


def _row(key: Key, model: Model) -> Row:
    served, phase = model.status.inference, model.status.phase or "Pending"
    return Row(
        namespace=key.namespace,
        name=key.name,
        url=url_of(key),
        phase=phase,
        tone=_tone(phase),
        version=number(served.served_version) or "none",
        accuracy=share(served.accuracy) or "unknown",
        workers=f"{served.ready_replicas} of {model.spec.inference.replicas} ready",
        words=_words(model),
    )


def _words(model: Model) -> str:
    if not model.seen:
        return "The operator has not seen the last edit yet."
    ready = model.condition("Ready")
    said = ready.message if ready and ready.message else "nothing is said of it yet"
    return said[0].upper() + said[1:] + ("" if said.endswith(".") else ".")


def _notes(model: Model) -> Iterator[str]:
    served = model.status.inference
    if served.served_version is not None:
        right = f", {share(served.accuracy)} right on validation photos" if served.accuracy else ""
        yield (
            f"Version {served.served_version} serves{right}; {served.ready_replicas} of "
            f"{model.spec.inference.replicas} workers are ready."
        )
    if (pin := model.spec.inference.model_version) is not None:
        yield f"Version {pin} is pinned."
    if model.spec.promotion.policy == "Manual":
        yield "Versions are promoted by hand."
    if (shadow := served.shadow) is not None:
        agreed = (
            f"; they agree on {share(shadow.agreement)} of {shadow.records} photos" if shadow.records else ""
        )
        yield f"Version {shadow.version} answers beside it as a shadow{agreed}."


def _training(progress: Progress, epochs: Epochs, now: datetime) -> TrainingView:
    done, total = extent(progress)
    seen = epochs.seen if epochs.hash == progress.hash else ()
    planned = progress.epochs or 0
    return TrainingView(
        stage=progress.stage or "Starting",
        done=min(done or 0, total or 0),
        total=total or 0,
        figures=tuple(_figures(progress, now)),
        charts=(draw_losses(seen, planned), draw_accuracies(seen, planned)) if seen else (),
        epochs=seen,
    )


def _figures(progress: Progress, now: datetime) -> Iterator[tuple[str, str]]:
    done, total = extent(progress)
    if total:
        what = "Epoch" if progress.epochs is not None and progress.total_photos is None else "Photos"
        yield what, f"{done} of {total}"
    if progress.val_accuracy is not None:
        yield "Validation photos right", share(progress.val_accuracy)
    if progress.val_loss is not None:
        yield "Validation log-loss", f"{progress.val_loss:.3f}"
    if progress.photos_per_second is not None:
        yield "Photos a second", f"{progress.photos_per_second:.0f}"
    if (end := progress.estimated_completion_time) is not None:
        yield "Time left", f"about {span(end - now)}, until {_clock(end)}"


def _condition(condition: Condition) -> ConditionView:
    return ConditionView(
        kind=condition.type,
        status=condition.status,
        tone=_tone(condition.status),
        reason=condition.reason,
        message=condition.message,
        since=moment(condition.last_transition_time),
    )


def _version(key: Key, model: Model, version: Version) -> VersionRow:
    return VersionRow(
        number=version.version,
        url=f"{url_of(key)}/versions/{version.version}",
        accuracy=share(version.accuracy),
        photos=number(version.photos),
        gate=gate_words(version),
        tone=_tone(version.verdict),
        trained=moment(version.trained_at),
        remarks=", ".join(remarks(model, version)),
        serves=version.version == model.served,
    )


def _tone(word: str) -> str:
    return _TONES.get(word, "plain")


def _clock(time: datetime) -> str:
    return f"{time:%H:%M:%S} UTC"
