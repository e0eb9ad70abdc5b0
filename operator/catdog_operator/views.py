"""The API's objects as the operator reads them: frozen, and only what decisions depend on."""

from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from catdog_operator.resource import short_digest

LONG_AGO = datetime.min.replace(tzinfo=UTC)

HASH_LABEL = "catdog.dev/training-hash"
VERSION_LABEL = "catdog.dev/model-version"
MODEL_LABEL = "catdog.dev/model"
NAMESPACE_LABEL = "catdog.dev/namespace"
JOB_UID_LABEL = "batch.kubernetes.io/controller-uid"
ATTEMPT_ANNOTATION = "catdog.dev/attempt"
POD_SETTINGS_ANNOTATION = "catdog.dev/pod-settings"
PRUNES_ANNOTATION = "catdog.dev/prunes"
SETTINGS_ANNOTATION = "catdog.dev/settings"
WHEN_DELETED_ANNOTATION = "catdog.dev/when-deleted"
TRAINER, WORKER = "trainer", "worker"  # the containers; what others put beside them in a pod is none of ours
APPLIED_ANNOTATION = "catdog.dev/applied"  # digest of the manifest that was applied last


class View(msgspec.Struct, frozen=True, rename="camel"):
    """A part of an object of the API: only what decisions depend on."""


class Owner(View, frozen=True):
    """Whom an object goes with."""

    kind: str
    name: str
    uid: str


class Metadata(View, frozen=True):
    """An object's metadata."""

    name: str
    namespace: str = ""
    uid: str = ""
    generation: int = 0
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    owner_references: tuple[Owner, ...] = ()
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None

    def is_of_a_former(self, model: str, uid: str) -> bool:
        """Return whether it goes with a model that had this name before the one of this uid."""
        owners = [
            owner.uid for owner in self.owner_references if (owner.kind, owner.name) == ("CatDogModel", model)
        ]
        return bool(owners) and uid not in owners

    def is_older_than(self, other: "Metadata") -> bool:
        """Return whether it was made before `other`; not where that is not known."""
        times = self.creation_timestamp, other.creation_timestamp
        return times[0] is not None and times[1] is not None and times[0] < times[1]


class Condition(View, frozen=True):
    """A condition; Strimzi's may have no reason and message."""

    type: str
    status: str
    reason: str | None = None
    message: str | None = None
    last_transition_time: datetime | None = None


class ClaimSpec(View, frozen=True):
    """A claim's spec."""

    access_modes: tuple[str, ...] = ()


class ClaimStatus(View, frozen=True):
    """A claim's status."""

    phase: str = "Pending"


class PersistentVolumeClaim(View, frozen=True):
    """A claim."""

    metadata: Metadata
    spec: ClaimSpec = ClaimSpec()
    status: ClaimStatus = ClaimStatus()


class JobSpec(View, frozen=True):
    """A Job's spec."""

    template: dict[str, Any] = {}


class JobStatus(View, frozen=True):
    """A Job's status."""

    conditions: tuple[Condition, ...] = ()
    completion_time: datetime | None = None


class Job(View, frozen=True):
    """A training Job."""

    metadata: Metadata
    status: JobStatus = JobStatus()
    spec: JobSpec = JobSpec()

    @property
    def hash(self) -> str:
        """The settings that it trains."""
        return self.metadata.labels.get(HASH_LABEL, "")

    @property
    def attempt(self) -> int:
        """How often these settings were tried, this Job included."""
        return int(self.metadata.annotations.get(ATTEMPT_ANNOTATION, "1"))

    @property
    def image(self) -> str | None:
        """The image of its pods."""
        containers = self.spec.template.get("spec", {}).get("containers", [])
        return containers[0].get("image") if containers else None

    def is_made_with(self, pod_settings: str) -> bool:
        """Return whether its pod was made with these settings."""
        return self.metadata.annotations.get(POD_SETTINGS_ANNOTATION) == pod_settings

    @property
    def prunes(self) -> frozenset[int]:
        """The versions that its trainer removes from the claim when it starts."""
        named = self.metadata.annotations.get(PRUNES_ANNOTATION, "").split(",")
        return frozenset(int(version) for version in named if version)

    @property
    def leaving(self) -> bool:
        """Whether it was deleted and waits for its pods to go."""
        return self.metadata.deletion_timestamp is not None

    @property
    def complete(self) -> bool:
        """Whether its training succeeded."""
        return has_condition(self.status.conditions, "Complete")

    @property
    def ended(self) -> bool:
        """Whether it succeeded or failed for good."""
        return self.complete or self.failed is not None

    @property
    def failed(self) -> Condition | None:
        """The condition that says that it failed for good, if it did."""
        return next((c for c in self.status.conditions if (c.type, c.status) == ("Failed", "True")), None)


class Terminated(View, frozen=True):
    """How a container ended."""

    exit_code: int
    reason: str = ""
    message: str = ""
    finished_at: datetime | None = None

    @property
    def out_of_memory(self) -> bool:
        """Whether the kernel killed it at its limit, be it before its program began."""
        return self.reason == "OOMKilled" or "OOM-killed" in self.message


class Waiting(View, frozen=True):
    """Why a container does not run."""

    reason: str = ""
    message: str = ""


class ContainerState(View, frozen=True):
    """A container's state; at most one field is set."""

    waiting: Waiting | None = None
    running: dict[str, Any] | None = None
    terminated: Terminated | None = None


class ContainerStatus(View, frozen=True):
    """A container's status."""

    name: str = ""
    state: ContainerState = ContainerState()
    last_state: ContainerState = ContainerState()
    image: str = ""


class PodStatus(View, frozen=True):
    """A pod's status."""

    phase: str = "Pending"
    conditions: tuple[Condition, ...] = ()
    container_statuses: tuple[ContainerStatus, ...] = ()


class Pod(View, frozen=True):
    """A pod of a Job or a Deployment; each has one container of ours."""

    metadata: Metadata
    status: PodStatus = PodStatus()

    @property
    def container(self) -> ContainerStatus:
        """Its container's status, and not that of one which admission put beside it, such as a mesh's."""
        told = self.status.container_statuses
        own = tuple(each for each in told if each.name in (TRAINER, WORKER))
        return next(iter(own or told), ContainerStatus())

    def is_of(self, job: Job) -> bool:
        """Return whether `job` made it."""
        return self.metadata.labels.get(JOB_UID_LABEL) == job.metadata.uid

    @property
    def gone(self) -> bool:
        """Whether it was deleted, or has ended for good: what it says is of the past."""
        return self.metadata.deletion_timestamp is not None or self.status.phase in ("Failed", "Succeeded")

    @property
    def disruption(self) -> Condition | None:
        """The condition that says that something took the pod away: a drain, a preemption, its node."""
        kind = ("DisruptionTarget", "True")
        return next((each for each in self.status.conditions if (each.type, each.status) == kind), None)

    @property
    def ready(self) -> bool:
        """Whether it counts as ready; one that was deleted does not."""
        return self.metadata.deletion_timestamp is None and has_condition(self.status.conditions, "Ready")


class DeploymentSpec(View, frozen=True):
    """A Deployment's spec."""

    template: dict[str, Any]
    replicas: int = 1


class DeploymentStatus(View, frozen=True):
    """A Deployment's status."""

    observed_generation: int = 0
    replicas: int = 0
    updated_replicas: int = 0
    ready_replicas: int = 0
    conditions: tuple[Condition, ...] = ()


class Deployment(View, frozen=True):
    """The Deployment of workers, or of the shadow."""

    metadata: Metadata
    spec: DeploymentSpec
    status: DeploymentStatus = DeploymentStatus()

    @property
    def image(self) -> str:
        """The image of its pods."""
        containers = self.spec.template.get("spec", {}).get("containers", [])
        return str(containers[0]["image"]) if containers else ""

    @property
    def leaving(self) -> bool:
        """Whether it was deleted and waits for its pods to go."""
        return self.metadata.deletion_timestamp is not None

    def was_applied_as(self, manifest: dict[str, Any]) -> bool:
        """Return whether this very manifest was applied last."""
        return self.metadata.annotations.get(APPLIED_ANNOTATION) == short_digest(manifest)

    @property
    def version(self) -> int | None:
        """The version that its pods serve or are to serve."""
        version = self.spec.template.get("metadata", {}).get("labels", {}).get(VERSION_LABEL, "")
        return int(version) if version.isdigit() else None


class Involved(View, frozen=True):
    """The object that an Event is about."""

    uid: str = ""


class Event(View, frozen=True):
    """An Event: what a controller or the kubelet says of an object, and nowhere else."""

    involved_object: Involved
    reason: str = ""
    message: str = ""
    type: str = "Normal"
    last_timestamp: datetime | None = None


Seen = TypeVar("Seen", bound=View)


def parse(body: dict[str, Any] | None, view: type[Seen]) -> Seen | None:
    """Return an object of the API as `view`, or None where there is none."""
    return None if body is None else msgspec.convert(body, view)


def has_condition(conditions: tuple[Condition, ...], kind: str) -> bool:
    """Return whether the condition `kind` is there and true."""
    return any((each.type, each.status) == (kind, "True") for each in conditions)
