"""What the operator reads back of a status that it wrote before."""

from datetime import datetime
from typing import Literal

import msgspec

from catdog_common.training import Progress


class ComparisonCounts(msgspec.Struct, frozen=True, rename="camel"):
    """A version and the one that served when it was trained, on the same validation photos, as counts."""

    champion_version: int
    photos: int
    correct: int
    champion_correct: int


class Version(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A version on the claim; digests are known of versions whose training the operator saw."""

    version: int
    hash: str
    accuracy: float
    photos: int
    trained_at: str
    dataset_digest: str | None = None
    digest: str | None = None
    verdict: Literal["Passed", "Failed", "NotJudged"] | None = None  # of the gate
    champion_accuracy: float | None = None  # of the version that served then, on the photos compared
    comparison: ComparisonCounts | None = None
    first_served_time: datetime | None = None


ChangeReason = Literal["Promoted", "RolledBack", "Pinned"]


class Change(msgspec.Struct, frozen=True, rename="camel"):
    """From when a version served, and why it came to serve."""

    version: int
    time: datetime
    reason: ChangeReason


class Failure(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A training that failed; without `next_attempt_time` it waits for an edit."""

    hash: str
    reason: str
    message: str
    time: datetime
    attempts: int
    exit_code: int | None = None
    next_attempt_time: datetime | None = None


class TrainingProgress(Progress, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """How far the Job is that trains the settings `hash`."""

    hash: str
    job_name: str


class ShadowStatus(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """How the shadow's answers compare with the champion's, counted since a moment; shares are of 1."""

    version: int
    since: str  # RFC 3339
    records: int = 0  # that both have answered
    unmatched: int = 0
    skipped: int = 0
    champion_version: int | None = None
    agreement: float | None = None
    mean_confidence: float | None = None
    champion_mean_confidence: float | None = None


class InferenceStatus(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What serves."""

    replicas: int
    ready_replicas: int
    selector: str
    served_version: int | None = None
    accuracy: float | None = None
    shadow: ShadowStatus | None = None


class ConditionStatus(msgspec.Struct, frozen=True, rename="camel"):
    """A condition as the Kubernetes API conventions have it."""

    type: str
    status: str
    reason: str
    message: str
    last_transition_time: datetime
    observed_generation: int | None = None


class TrainingStatus(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """The settings of the training as resolved."""

    hash: str
    architecture: str
    image_size: int
    epochs: int
    batch_size: int
    learning_rate: float
    seed: int
    early_stopping_patience: int | None = None  # None: all epochs
    fine_tune: bool = False
    augment: bool = False


class KafkaStatus(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Kafka as resolved."""

    consumer_group: str
    input_topic: str
    output_topic: str
    dead_letter_topic: str
    bootstrap_servers: str | None = None
    secret_name: str | None = None
    security_protocol: str | None = None


class ModelStatus(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """The whole status."""

    observed_generation: int | None = None
    phase: str | None = None
    conditions: tuple[ConditionStatus, ...] = ()
    progress: TrainingProgress | None = None
    last_failure: Failure | None = None
    versions: tuple[Version, ...] = ()
    inference: InferenceStatus | None = None
    training: TrainingStatus | None = None
    kafka: KafkaStatus | None = None
    history: tuple[Change, ...] = ()

    def message_of(self, kind: str, reason: str) -> str:
        """Return what a condition says, if it is there with this reason, else nothing."""
        found = (each.message for each in self.conditions if (each.type, each.reason) == (kind, reason))
        return next(found, "")
