"""Turns a change of a model's status into the Events that `kubectl describe` shows. Pure.

An Event is named by what it tells: told twice, after a restart for instance, it is there once.
"""

from collections.abc import Iterator

import msgspec

from catdog_operator.manifests.common import OPERATOR, Manifest
from catdog_operator.observed import Observed
from catdog_operator.plan.gate import describe_accuracy
from catdog_operator.resource import CatDogModel, short_digest
from catdog_operator.status_fields import ConditionStatus, ModelStatus

MESSAGE_CHARACTERS = 1000  # the API takes 1024
REFUSALS = ("BelowMinAccuracy", "AccuracyDropped", "TooFewValidationPhotos", "NotCompared", "VersionNotFound")
CHANGES = {"Promoted": "serves now", "RolledBack": "serves again", "Pinned": "serves now, as it is pinned"}


class Announcement(msgspec.Struct, frozen=True):
    """What a person is told; `occasion` tells it apart from the same words on another day."""

    reason: str
    message: str
    occasion: str
    warning: bool = False


def build_events(observed: Observed, status: ModelStatus) -> tuple[Manifest, ...]:
    """Return the Events to make as the model's status becomes `status`."""
    return tuple(_build_event(observed, each) for each in announce(observed, status))


def announce(observed: Observed, status: ModelStatus) -> Iterator[Announcement]:
    """Yield what is new in `status`, in the order in which it came about."""
    former = observed.model.status
    yield from _trainings(former, status)
    yield from _versions(former, status)
    yield from _refusals(former, status)
    yield from _changes(former, status)
    yield from _shadows(former, status)


def _trainings(former: ModelStatus, status: ModelStatus) -> Iterator[Announcement]:
    progress, failure = status.progress, status.last_failure
    if failure is not None and failure != former.last_failure:
        again = (
            f"; it is tried again at {failure.next_attempt_time:%H:%M:%S} UTC"
            if failure.next_attempt_time
            else ""
        )
        occasion = f"{failure.hash} {failure.attempts} {failure.time.isoformat()}"
        yield Announcement(
            "TrainingFailed", f"{failure.reason}: {failure.message}{again}", occasion, warning=True
        )
    if progress is not None and (former.progress is None or former.progress.hash != progress.hash):
        attempt = failure.attempts + 1 if failure and failure.hash == progress.hash else 1
        message = f"Job {progress.job_name} trains the settings {progress.hash}"
        yield Announcement("TrainingStarted", message, f"{progress.hash} {attempt}")


def _versions(former: ModelStatus, status: ModelStatus) -> Iterator[Announcement]:
    known = {(each.version, each.hash) for each in former.versions}
    for version in reversed(status.versions):
        if (version.version, version.hash) not in known:
            message = f"version {version.version} is on the claim; {describe_accuracy(version)}"
            yield Announcement("VersionPublished", message, version.hash)


def _refusals(former: ModelStatus, status: ModelStatus) -> Iterator[Announcement]:
    now = find_condition(status, "Promoted")
    before = find_condition(former, "Promoted")
    if now is None or (before is not None and before.message == now.message):
        return
    if now.reason in REFUSALS:
        yield Announcement(
            "PromotionRefused", f"{now.reason}: {now.message}", str(now.observed_generation), warning=True
        )
    elif now.reason == "WaitingForPromotion":
        yield Announcement(now.reason, now.message, str(now.observed_generation))


def _changes(former: ModelStatus, status: ModelStatus) -> Iterator[Announcement]:
    if not status.history or status.history[:1] == former.history[:1]:
        return
    change = status.history[0]
    before = f"; before: version {status.history[1].version}" if status.history[1:] else ""
    message = f"version {change.version} {CHANGES[change.reason]}{before}"
    yield Announcement(change.reason, message, f"{len(status.history)} {status.observed_generation}")


def _shadows(former: ModelStatus, status: ModelStatus) -> Iterator[Announcement]:
    now, before = find_condition(status, "Shadow"), find_condition(former, "Shadow")
    if now is None or now.status != "True" or (before is not None and before.status == "True"):
        return
    yield Announcement(now.reason, now.message, now.last_transition_time.isoformat())


def find_condition(status: ModelStatus, kind: str) -> ConditionStatus | None:
    """Return the condition of a kind."""
    return next((each for each in status.conditions if each.type == kind), None)


def _build_event(observed: Observed, said: Announcement) -> Manifest:
    model, now = observed.model, f"{observed.now:%Y-%m-%dT%H:%M:%SZ}"
    digest = short_digest([model.metadata.uid, said.reason, said.message, said.occasion])
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{model.name}.{digest}", "namespace": model.namespace},
        "involvedObject": _refer_to(model),
        "reason": said.reason,
        "message": said.message[:MESSAGE_CHARACTERS],
        "type": "Warning" if said.warning else "Normal",
        "source": {"component": OPERATOR},
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }


def _refer_to(model: CatDogModel) -> Manifest:
    return {
        "apiVersion": "catdog.dev/v1alpha1",
        "kind": "CatDogModel",
        "name": model.name,
        "namespace": model.namespace,
        "uid": model.metadata.uid,
    }
