"""Rules on promotion: which version should serve, and why."""

from datetime import datetime

import msgspec

from catdog_operator.observed import Observed
from catdog_operator.plan.finding import Finding, no, yes
from catdog_operator.plan.gate import Judgement, describe_accuracy, judge
from catdog_operator.plan.versions import find_version, known_versions, version_of_hash
from catdog_operator.resource import training_hash
from catdog_operator.status_fields import Change, ChangeReason, Version

HISTORY = 20  # changes that are remembered


class PromotionPlan(msgspec.Struct, frozen=True):
    """The version that should serve, None where there is none, and what is to be said of the choice."""

    version: int | None
    finding: Finding
    versions: tuple[Version, ...]  # all that are known, with the gate's verdicts


def plan_promotion(observed: Observed) -> PromotionPlan:
    """Return which version should serve: a pin, else the present settings' if it may, else what serves."""
    serving, promotion = version_in_place(observed), observed.model.spec.promotion
    known = known_versions(observed)
    judgements = {each.version: judge(each, promotion, serving) for each in known}
    versions = tuple(_judged(each, judgements[each.version]) for each in known)
    if (pin := observed.model.spec.inference.model_version) is not None:
        return PromotionPlan(*_choose_pinned(pin, serving, versions), versions)
    return PromotionPlan(*_choose(observed, serving, versions, judgements), versions)


def version_in_place(observed: Observed) -> int | None:
    """Return the version that the Deployment names."""
    return observed.deployment.version if observed.deployment else None


def record_change(observed: Observed, served: int | None) -> tuple[Change, ...]:
    """Return the history, newest first, with the change to `served` if it is one."""
    history = observed.model.status.history
    if served is None or (history and history[0].version == served):
        return history
    before = history[0].version if history else 0
    now = observed.now.replace(microsecond=0)
    return (Change(served, now, _reason(observed, before, served)), *history)[:HISTORY]


def note_first_served(
    versions: tuple[Version, ...], served: int | None, now: datetime
) -> tuple[Version, ...]:
    """Return the versions, with a time on the one that serves if it has none yet."""
    return tuple(
        msgspec.structs.replace(each, first_served_time=now.replace(microsecond=0))
        if each.version == served and each.first_served_time is None
        else each
        for each in versions
    )


def _choose_pinned(
    pin: int, serving: int | None, versions: tuple[Version, ...]
) -> tuple[int | None, Finding]:
    if find_version(versions, pin) is not None:
        return pin, yes("Pinned", f"spec.inference.modelVersion pins version {pin}")
    there = list_versions(versions)
    goes_on = f"; version {serving} goes on serving" if serving else ""
    return serving, no("VersionNotFound", f"version {pin} is not on the claim; {there}{goes_on}")


def _choose(
    observed: Observed,
    serving: int | None,
    versions: tuple[Version, ...],
    judgements: dict[int, Judgement],
) -> tuple[int | None, Finding]:
    current = version_of_hash(versions, training_hash(observed.model.spec.training))
    fallback = serving or _served_last(observed, versions) or _newest_passed(versions, judgements)
    if current is None:
        return fallback, _await_training(fallback)
    judgement = judgements[current.version]
    if current.version == fallback:
        return fallback, yes(
            "Promoted", f"version {fallback} is of the present settings; {judgement.message}"
        )
    if not judgement.passed and current.first_served_time is None:
        return fallback, no(judgement.reason, f"{judgement.message}{_what_to_do(current, fallback)}")
    if observed.model.spec.promotion.policy == "Manual":
        message = f"version {current.version} waits to be promoted by hand ({describe_accuracy(current)})"
        return fallback, no("WaitingForPromotion", f"{message}{_what_to_do(current, fallback)}")
    return current.version, yes(
        "Promoted", f"version {current.version} is of the present settings; {judgement.message}"
    )


def _await_training(fallback: int | None) -> Finding:
    if fallback is None:
        return no("NotTrained", "there is no version to promote yet")
    return no("NotTrained", f"no version of the present settings is trained yet; version {fallback} serves")


def _served_last(observed: Observed, versions: tuple[Version, ...]) -> int | None:
    """Return the version that served before the Deployment went, as far as it is still on the claim."""
    history = observed.model.status.history
    return history[0].version if history and find_version(versions, history[0].version) else None


def _newest_passed(versions: tuple[Version, ...], judgements: dict[int, Judgement]) -> int | None:
    return next((each.version for each in versions if judgements[each.version].passed), None)


def _what_to_do(version: Version, fallback: int | None) -> str:
    goes_on = f"version {fallback} goes on serving" if fallback else "nothing serves"
    return f"; {goes_on}. To serve it all the same: spec.inference.modelVersion: {version.version}"


def _reason(observed: Observed, before: int, served: int) -> ChangeReason:
    if observed.model.spec.inference.model_version == served:
        return "Pinned"
    return "RolledBack" if served < before else "Promoted"


def _judged(version: Version, judgement: Judgement) -> Version:
    counts = version.comparison
    share = round(counts.champion_correct / counts.photos, 4) if counts and counts.photos else None
    return msgspec.structs.replace(version, verdict=judgement.verdict, champion_accuracy=share)


def list_versions(versions: tuple[Version, ...]) -> str:
    """Return which versions the claim has, in words."""
    if not versions:
        return "it has none"
    *others, last = (str(number) for number in sorted(each.version for each in versions))
    return f"it has {', '.join(others)} and {last}" if others else f"it has {last}"
