"""The gate: whether a version is good enough to serve, from numbers that lie beside the model."""

from typing import Literal

import msgspec

from catdog_operator.resource import Promotion
from catdog_operator.status_fields import ComparisonCounts, Version

# With n photos an accuracy near 0.95 has a standard error of sqrt(0.95 * 0.05 / n): 3 % with 50. With
# fewer, one photo is more than 2 %, and the gate would judge by chance.
LEAST_PHOTOS = 50
ROUNDING = 1e-9  # 0.9 of 50 photos are 45, whatever binary fractions make of it


class Judgement(msgspec.Struct, frozen=True):
    """What the gate says of a version; the message has the numbers."""

    verdict: Literal["Passed", "Failed", "NotJudged"]
    reason: str
    message: str

    @property
    def passed(self) -> bool:
        """Whether the version may serve."""
        return self.verdict == "Passed"


def judge(version: Version, promotion: Promotion, serving: int | None) -> Judgement:
    """Return what the gate says of `version`, while version `serving` serves."""
    name = f"version {version.version}"
    if promotion.min_accuracy is None and promotion.max_accuracy_drop is None:
        return Judgement("Passed", "NoGate", f"{name} passes: spec.promotion sets no bound")
    faults = [
        fault
        for fault in (_judge_accuracy(version, promotion), _judge_drop(version, promotion, serving))
        if fault is not None
    ]
    failed = [fault for fault in faults if fault.verdict == "Failed"]
    if faults:
        return (failed or faults)[0]
    return Judgement("Passed", "Passed", f"{name} passes the gate: {describe_accuracy(version)}")


def describe_accuracy(version: Version) -> str:
    """Return a version's accuracy in words, as counts too: a share alone hides how little it may rest on."""
    return f"{version.accuracy:.1%} of {version.photos} validation photos are right"


def _judge_accuracy(version: Version, promotion: Promotion) -> Judgement | None:
    """Return what is wrong by the accuracy on its own, or None."""
    if (least := promotion.min_accuracy) is None:
        return None
    if version.photos < LEAST_PHOTOS:
        return _too_few(version, version.photos, "")
    correct = round(version.accuracy * version.photos)
    if correct >= least * version.photos - ROUNDING:
        return None
    message = (
        f"version {version.version} gets {correct} of {version.photos} validation photos right "
        f"({version.accuracy:.1%}), and spec.promotion.minAccuracy asks for {least:.1%}"
    )
    return Judgement("Failed", "BelowMinAccuracy", message)


def _judge_drop(version: Version, promotion: Promotion, serving: int | None) -> Judgement | None:
    """Return what is wrong beside the version that served when this one was trained, or None."""
    if (most := promotion.max_accuracy_drop) is None or serving in (None, version.version):
        return None
    if (counts := version.comparison) is None:
        if version.first_served_time is not None:  # it was the first, which others are held against
            return None
        message = f"version {version.version} was not compared with one that serves"
        return Judgement("NotJudged", "NotCompared", message)
    if counts.photos < LEAST_PHOTOS:
        return _too_few(version, counts.photos, " that the version serving then had not learned")
    if _lost(counts) <= most * counts.photos + ROUNDING:
        return None
    message = (
        f"version {version.version} gets {counts.correct} of {counts.photos} validation photos right and "
        f"version {counts.champion_version} gets {counts.champion_correct}: "
        f"{_lost(counts) / counts.photos:.1%} fewer, and spec.promotion.maxAccuracyDrop allows {most:.1%}"
    )
    return Judgement("Failed", "AccuracyDropped", message)


def _too_few(version: Version, photos: int, kind: str) -> Judgement:
    message = (
        f"version {version.version} is not judged on {photos} validation photos{kind}: that takes "
        f"{LEAST_PHOTOS}; add photos and train again by another spec.training.revision"
    )
    return Judgement("NotJudged", "TooFewValidationPhotos", message)


def _lost(counts: ComparisonCounts) -> int:
    return counts.champion_correct - counts.correct
