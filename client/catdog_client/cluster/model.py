"""A CatDogModel as the commands read it: frozen, and patient with fields of other releases."""

from datetime import datetime
from typing import Any

import msgspec


class View(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What is read of an object; what is missing has its default, what is unknown is passed over."""


class Metadata(View, frozen=True):
    """Which object it is."""

    name: str
    namespace: str = ""
    generation: int = 0
    resource_version: str = ""


class Training(View, frozen=True):
    """What is read of spec.training."""

    revision: str = ""


class Inference(View, frozen=True):
    """What is read of spec.inference; without these versions no pin, and no shadow."""

    replicas: int = 1
    model_version: int | None = None
    shadow_version: int | None = None


class Promotion(View, frozen=True):
    """Which versions may serve; accuracies are fractions, None sets no bound."""

    policy: str = "Automatic"
    min_accuracy: float | None = None
    max_accuracy_drop: float | None = None


class Claim(View, frozen=True):
    """What is read of a claim that the operator makes; "" is a storage class of no name."""

    storage_class_name: str | None = None


class Storage(View, frozen=True):
    """Where versions are kept."""

    claim: Claim = Claim()
    existing_claim: str | None = None


class StrimziCluster(View, frozen=True):
    """A Kafka by its Kafka resource."""

    name: str
    listener: str = ""
    namespace: str | None = None


class Kafka(View, frozen=True):
    """What is read of spec.kafka."""

    strimzi: StrimziCluster | None = None


class Spec(View, frozen=True):
    """What the user wants."""

    paused: bool = False
    training: Training = Training()
    inference: Inference = Inference()
    promotion: Promotion = Promotion()
    storage: Storage = Storage()
    kafka: Kafka = Kafka()


class Condition(View, frozen=True):
    """A condition as the Kubernetes API conventions have it."""

    type: str
    status: str
    reason: str = ""
    message: str = ""
    last_transition_time: datetime | None = None
    observed_generation: int = 0


class Progress(View, frozen=True):
    """How far a training is; losses mean log-losses, accuracies fractions."""

    hash: str = ""
    job_name: str = ""
    stage: str = ""
    epoch: int | None = None
    epochs: int | None = None
    loss: float | None = None
    accuracy: float | None = None
    val_loss: float | None = None
    val_accuracy: float | None = None
    photos: int | None = None
    total_photos: int | None = None
    photos_per_second: float | None = None
    estimated_completion_time: datetime | None = None


class Failure(View, frozen=True):
    """A training that failed; without `next_attempt_time` it waits for an edit."""

    hash: str = ""
    reason: str = ""
    message: str = ""
    time: datetime | None = None
    attempts: int = 1
    next_attempt_time: datetime | None = None


class Version(View, frozen=True):
    """A version on the claim."""

    version: int
    hash: str = ""
    accuracy: float | None = None
    photos: int | None = None
    trained_at: datetime | None = None
    verdict: str = ""
    first_served_time: datetime | None = None
    digest: str | None = None  # sha256:<hex> of its manifest, where the operator knows it


class Change(View, frozen=True):
    """From when a version served, and why it came to serve."""

    version: int
    time: datetime | None = None
    reason: str = ""


class Shadow(View, frozen=True):
    """How a shadow's answers compare with those of the version that serves; shares are of 1."""

    version: int
    since: datetime | None = None
    records: int = 0  # that both have answered
    unmatched: int = 0
    skipped: int = 0
    champion_version: int | None = None
    agreement: float | None = None
    mean_confidence: float | None = None
    champion_mean_confidence: float | None = None


class InferenceStatus(View, frozen=True):
    """What serves."""

    served_version: int | None = None
    accuracy: float | None = None
    replicas: int = 0
    ready_replicas: int = 0
    shadow: Shadow | None = None


class TrainingStatus(View, frozen=True):
    """What is read of the settings as resolved."""

    hash: str = ""


class Status(View, frozen=True):
    """What the operator says."""

    observed_generation: int = 0
    phase: str = ""
    conditions: tuple[Condition, ...] = ()
    progress: Progress | None = None
    last_failure: Failure | None = None
    versions: tuple[Version, ...] = ()
    inference: InferenceStatus = InferenceStatus()
    training: TrainingStatus = TrainingStatus()
    history: tuple[Change, ...] = ()


class Model(View, frozen=True):
    """A CatDogModel."""

    metadata: Metadata
    spec: Spec = Spec()
    status: Status = Status()

    @property
    def name(self) -> str:
        """Its name."""
        return self.metadata.name

    @property
    def served(self) -> int | None:
        """The version that answers."""
        return self.status.inference.served_version

    @property
    def present_version(self) -> Version | None:
        """The version of the present settings, if there is one."""
        return next((each for each in self.status.versions if each.hash == self.status.training.hash), None)

    @property
    def seen(self) -> bool:
        """Whether the operator has seen the last edit."""
        return self.status.observed_generation >= self.metadata.generation

    def condition(self, kind: str) -> Condition | None:
        """Return the condition of a kind."""
        return next((each for each in self.status.conditions if each.type == kind), None)

    def version(self, number: int) -> Version | None:
        """Return a version on the claim by its number."""
        return next((each for each in self.status.versions if each.version == number), None)


def read_model(body: dict[str, Any]) -> Model:
    """Return what the API server says of a model, parsed."""
    return msgspec.convert(body, Model)
