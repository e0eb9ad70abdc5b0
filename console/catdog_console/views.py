"""What the pages say of models: frozen, made of what the API server told. Pure; templates hold no logic."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from urllib.parse import quote

from catdog_client.cluster.model import Condition, Model, Version
from catdog_client.cluster.rendering import describe_failure
from catdog_client.cluster.wording import number, remarks, share, tell_shadow
from catdog_console.cluster import Key, Known, Outage
from catdog_console.training_view import TrainingView, view_training
from catdog_console.written import Moment, View, clock, moment

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
        f"Nothing is heard of the models of namespace {namespace} since {clock(outage.since)}: "
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
        notes=tuple(_notes(model, now)),
        failure=describe_failure(model),
        training=None if progress is None else view_training(progress, known.epochs, now),
        conditions=tuple(map(_condition, status.conditions)),
        versions=tuple(_version(key, model, each) for each in status.versions),
        history=tuple(
            HistoryRow(each.version, each.reason, moment(each.time)) for each in status.history[:_HISTORY]
        ),
    )


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


def _notes(model: Model, now: datetime) -> Iterator[str]:
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
        words = tell_shadow(shadow, now)
        yield f"{words[0].upper()}{words[1:]}."


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
