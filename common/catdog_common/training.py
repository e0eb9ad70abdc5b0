"""What the trainer tells the operator: progress by log lines, result or failure by termination message."""

from typing import Literal

import msgspec

TERMINATION_MESSAGE_BYTES = 4096  # the kubelet keeps no more of /dev/termination-log

Stage = Literal["Starting", "Loading", "Calibrating", "Features", "Epochs", "Measuring", "Publishing"]


class Progress(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """How far a training is; one JSON object on a log line, under the key `progress`.

    Accuracies are fractions, losses mean log-losses in nats, times RFC 3339 in UTC.
    """

    stage: Stage
    epoch: int | None = None
    epochs: int | None = None
    loss: float | None = None
    accuracy: float | None = None
    val_loss: float | None = None
    val_accuracy: float | None = None
    photos: int | None = None  # done in this stage
    total_photos: int | None = None  # of the stage
    photos_per_second: float | None = None
    estimated_completion_time: str | None = None


class Comparison(msgspec.Struct, frozen=True, array_like=True):
    """Challenger and champion on the same validation photos, of which the champion learnt none; as counts."""

    champion: int  # the version that served when the training began
    photos: int  # compared on so many
    correct: int  # of these, right by the challenger
    champion_correct: int  # of these, right by the champion


class VersionSummary(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """One version on the claim, as short as an inventory of twenty needs it."""

    version: int
    hash: str
    accuracy: float
    photos: int  # validation photos that the accuracy was measured on
    trained_at: str
    comparison: Comparison | None = None  # with the version that served then, if one did


class TrainingResult(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """The termination message of a training that succeeded: its version, and what else is on the claim."""

    version: int
    hash: str
    already_present: bool
    accuracy: float
    photos: int  # validation photos that the accuracy was measured on
    training_photos: int
    unreadable_photos: int
    dataset_digest: str  # sha256:<hex> over the digests of all photos and their labels and splits
    digest: str  # sha256:<hex> of the version's manifest.json
    trained_at: str
    versions: tuple[VersionSummary, ...]  # newest first, the present one among them, at most twenty
    comparison: Comparison | None = None  # with the version that served then, if one did


class TrainingFailure(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """The termination message of a training that cannot succeed as the world is now."""

    reason: str  # CamelCase, as a condition's reason
    message: str  # what is wrong, and what to do
    permanent: bool = False  # another attempt at the same settings would never find anything else


# Exit codes of the trainer: the Job's podFailurePolicy fails at once on data that another attempt would
# find just as wrong; any other code but 0 is a crash, which backoffLimit tries again.
EXIT_DATA = 65  # EX_DATAERR of sysexits.h
