"""The cluster as the operator sees it at one moment: a model and its surroundings, frozen and typed."""

from datetime import datetime

import msgspec

from catdog_common.shadow import ShadowReport
from catdog_common.training import Progress
from catdog_operator.resource import CatDogModel
from catdog_operator.strimzi_views import KafkaAccess, KafkaCluster, KafkaTopic, KafkaUser
from catdog_operator.views import (
    Deployment,
    Event,
    Job,
    PersistentVolumeClaim,
    Pod,
)


class Images(msgspec.Struct, frozen=True):
    """The images of the pods."""

    trainer: str
    inference: str


class Retry(msgspec.Struct, frozen=True):
    """The waits between attempts at a training whose data are at fault, in seconds: doubling."""

    first: int
    longest: int


class Surroundings(msgspec.Struct, frozen=True):
    """What is the same for all models: how the operator was started, and on what."""

    images: Images
    openshift: bool  # the platform chooses users and groups of pods
    retry: Retry
    parallel_rollouts: int  # of models whose pods change with the operator and by no edit of theirs
    namespaces: tuple[str, ...] = ()  # that are watched; none means all

    def watches(self, namespace: str) -> bool:
        """Return whether what is in a namespace is known: of any other, nothing is."""
        return not self.namespaces or namespace in self.namespaces


class Complaint(msgspec.Struct, frozen=True):
    """What a worker's log says is in its way."""

    pod: str
    event: str  # one of catdog_common.complaints
    error: str

    @property
    def words(self) -> str:
        """Both, for people."""
        return f"{self.event}: {self.error}"


class ShadowLog(msgspec.Struct, frozen=True):
    """What a shadow's log says: its newest report, where it was read just now, and what is in its way."""

    report: ShadowReport | None = None
    complaint: Complaint | None = None


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """All that a decision on a model depends on; `now` is the API server's clock."""

    model: CatDogModel
    surroundings: Surroundings
    now: datetime
    claim: PersistentVolumeClaim | None = None
    dataset_claim: PersistentVolumeClaim | None = None
    jobs: tuple[Job, ...] = ()
    training_pods: tuple[Pod, ...] = ()
    inference_pods: tuple[Pod, ...] = ()
    deployment: Deployment | None = None
    shadow_pods: tuple[Pod, ...] = ()
    shadow_deployment: Deployment | None = None
    strimzi_installed: bool = True
    forbidden: tuple[str, ...] = ()  # kinds that the operator has no right to read
    access_installed: bool = True
    access: KafkaAccess | None = None
    kafka: KafkaCluster | None = None
    topics: dict[str, KafkaTopic] = {}
    former_topics: tuple[KafkaTopic, ...] = ()  # made for the model, which no longer names them
    user: KafkaUser | None = None
    progress: Progress | None = None  # of the training that runs
    events: tuple[Event, ...] = ()  # about children that do not get on
    complaint: Complaint | None = None  # of a worker that runs and is not ready, or was not when it began
    shadow_log: ShadowLog = ShadowLog()
    rollouts_elsewhere: int = 0  # Deployments of other models whose pods are being replaced
