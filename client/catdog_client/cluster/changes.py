"""What an edit by a command will bring about, in words. Pure."""

from collections.abc import Iterator

import msgspec

from catdog_client.cluster.model import Change, Model, Version


class Changed(msgspec.Struct, frozen=True, rename="camel"):
    """An edit: what was set, and what follows from it."""

    model: str
    namespace: str
    field: str
    before: str | int | None
    now: str | int | None
    notes: tuple[str, ...]


def explain_pin(model: Model, version: int) -> tuple[str, ...]:
    """Return what will happen as a version is pinned that is on the claim."""
    return (*_takes_over(model, version), *_gate(model, version), _until_unpinned(model), *_pause(model))


def explain_rollback(change: Change) -> tuple[str, ...]:
    """Return when the version that is to serve again came to serve."""
    since = f" from {change.time:%Y-%m-%d %H:%M} UTC on" if change.time is not None else ""
    return (f"version {change.version} served before{since}",)


def explain_unpin(model: Model) -> tuple[str, ...]:
    """Return what will happen as the pin ends."""
    if model.spec.inference.model_version is None:
        return ("nothing was pinned",)
    if model.spec.promotion.policy == "Manual":
        rule = f"spec.promotion.policy is Manual, so {_named(model.served)} goes on serving"
    else:
        rule = "the version of the present settings serves, if it passed the gate or has served before"
    return (rule, *_pause(model))


def explain_retraining(model: Model, revision: str | None = None) -> tuple[str, ...]:
    """Return what will happen as another revision is trained; None is one that was never there."""
    known = () if revision is None else _known_already(model, revision)
    return (*_replaces(model), *known, _meanwhile(model), _afterwards(model), *_pause(model))


def paused_note(name: str) -> str:
    """Return how a paused model is woken."""
    return (
        f"spec.paused is true, so the operator changes nothing of {name} yet; it goes on after "
        f'`kubectl patch catdogmodel {name} --type=merge -p \'{{"spec": {{"paused": false}}}}\'`'
    )


def describe_version(version: Version) -> str:
    """Return a version's accuracy, as a share and of how many photos."""
    if version.accuracy is None:
        return "its accuracy is not known"
    photos = f" of {version.photos} validation photos" if version.photos is not None else ""
    return f"{version.accuracy:.1%}{photos} right"


def _takes_over(model: Model, version: int) -> Iterator[str]:
    if model.served == version:
        yield f"version {version} serves already, and goes on"
    elif model.spec.inference.replicas == 0:
        yield f"spec.inference.replicas is 0: version {version} serves once there is a worker"
    elif model.served is None:
        yield f"nothing serves now; version {version} does once its workers are ready"
    else:
        yield f"version {model.served} goes on answering until a worker with version {version} is ready"


def _gate(model: Model, version: int) -> Iterator[str]:
    found = model.version(version)
    if found is not None and found.verdict in ("Failed", "NotJudged"):
        said = "has refused it" if found.verdict == "Failed" else "has not judged it"
        yield f"the gate {said} ({describe_version(found)}): a pin is stronger than the gate"


def _until_unpinned(model: Model) -> str:
    ends = f"`catdog promote {model.name} --unpin`"
    if model.spec.promotion.policy == "Manual":
        return (
            "spec.promotion.policy is Manual: what is trained later waits to be promoted, "
            f"and {ends} ends the pin"
        )
    return f"what is trained later does not serve by itself while this one is pinned; {ends} ends that"


def _replaces(model: Model) -> Iterator[str]:
    if (progress := model.status.progress) is not None:
        yield f"the training that runs now (Job {progress.job_name}) is given up for it"


def _known_already(model: Model, revision: str) -> Iterator[str]:
    """Say what nobody knows before the operator has seen the edit: no version tells its revision."""
    if others := sorted(each.version for each in model.status.versions if each != model.present_version):
        one_of = (
            f"one of versions {', '.join(map(str, others))}" if len(others) > 1 else f"version {others[0]}"
        )
        yield (
            f"if {one_of} was trained on these settings as "
            f"revision {revision!r}, nothing is trained: it is taken as it is; "
            f"`catdog retrain {model.name}` without --revision always trains"
        )


def _meanwhile(model: Model) -> str:
    if model.served is None:
        return "nothing serves yet"
    return f"version {model.served} goes on serving meanwhile"


def _afterwards(model: Model) -> str:
    pin, promotion = model.spec.inference.model_version, model.spec.promotion
    if pin is not None:
        return f"version {pin} is pinned, so the new one will not serve before `catdog promote {model.name}`"
    if promotion.policy == "Manual":
        return f"spec.promotion.policy is Manual, so the new one waits for `catdog promote {model.name}`"
    bounds = []
    if promotion.min_accuracy is not None:
        bounds.append(f"at least {promotion.min_accuracy:.1%} right")
    if promotion.max_accuracy_drop is not None:
        bounds.append(f"at most {promotion.max_accuracy_drop:.1%} fewer right than the one that serves")
    if bounds:
        return f"the new one serves if it passes the gate: {', and '.join(bounds)}"
    return "the new one serves once it is trained, as spec.promotion sets no bound"


def _pause(model: Model) -> Iterator[str]:
    if model.spec.paused:
        yield paused_note(model.name)


def _named(version: int | None) -> str:
    return "nothing" if version is None else f"version {version}"
