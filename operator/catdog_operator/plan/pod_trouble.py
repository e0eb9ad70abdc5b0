"""Why a pod does not run, or is not even made, in words that a person knows.

What is found stays the same from one look to the next as long as the trouble does: of several pods the oldest
in trouble speaks, and what a pod's next start may undo counts until it is ready.
"""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from catdog_common.complaints import ONLY_BAD_IMAGES
from catdog_operator.observed import Complaint, Observed
from catdog_operator.plan.finding import Finding, no
from catdog_operator.plan.last_words import last_words
from catdog_operator.plan.refusal import explain_refusal
from catdog_operator.plan.storage import find_unbound_claim
from catdog_operator.plan.told import events_about
from catdog_operator.views import (
    LONG_AGO,
    Deployment,
    Event,
    Job,
    Metadata,
    PersistentVolumeClaim,
    Pod,
    Terminated,
)

HARMLESS = ("", "ContainerCreating", "PodInitializing")
PULL_FAILURES = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")
PATIENCE = timedelta(seconds=5)  # until Events are read about a child that does not get on
MOUNT_PAUSE = timedelta(seconds=130)  # the kubelet tries to mount again after two minutes at most
MISSING_OBJECT = re.compile(r'(secret|configmap|persistentvolumeclaim) "([^"]+)" not found')
MISSING_KEY = re.compile(r'"(s3-credentials|s3-ca)" : references non-existent secret key: (\S+)')
FIELDS_OF_SECRETS = {  # by volume of a trainer
    "s3-credentials": "spec.training.dataset.s3.credentialsSecret",
    "s3-ca": "spec.training.dataset.s3.caSecret",
}
DRAWN_ID = re.compile(r"\b[0-9a-f]{12,}\b")  # of a sandbox or a container: each attempt has another
KIND_NAMES = {
    "secret": "Secret",
    "configmap": "ConfigMap",
    "persistentvolumeclaim": "PersistentVolumeClaim",
}
KAFKA_ADVICE = (
    "see that spec.kafka names the addresses, the certificates to trust, and the Secret of a user with the "
    "rights that a worker needs"
)
BAD_IMAGES_ADVICE = "see what sends them; the next picture that can be decoded ends this"
FIELDS = {
    "training": "spec.training.pod",
    "inference": "spec.inference.pod",
}  # by the label for the component


def find_stuck(
    jobs: Iterable[Job],
    pods: Iterable[Pod],
    claims: Iterable[PersistentVolumeClaim],
    now: datetime,
    *,
    patience: timedelta = PATIENCE,
) -> tuple[Metadata, ...]:
    """Return the children that do not get on, and of which only Events can tell why."""
    pods = tuple(pods)
    lonely = [job.metadata for job in jobs if not job.ended and not any(pod.is_of(job) for pod in pods)]
    unbound = [claim.metadata for claim in claims if claim.status.phase == "Pending"]
    waiting = [pod.metadata for pod in pods if _waits_in_silence(pod)]
    stuck = (*lonely, *unbound, *waiting)
    return tuple(each for each in stuck if (each.creation_timestamp or now) + patience <= now)


def find_pod_trouble(pods: Iterable[Pod], observed: Observed) -> Finding | None:
    """Return what keeps one of `pods` from running, or None where nothing does."""
    alive = (pod for pod in pods if not pod.gone)
    for pod in sorted(
        alive, key=lambda pod: (pod.metadata.creation_timestamp or LONG_AGO, pod.metadata.name)
    ):
        if (trouble := _trouble_of(pod, observed)) is not None:
            return trouble
    return None


def find_job_trouble(job: Job, observed: Observed) -> Finding | None:
    """Return why a Job has no pod, as its controller said of it, or None where it said nothing."""
    if any(pod.is_of(job) for pod in observed.training_pods):
        return None
    failures = events_about(job.metadata, observed, "FailedCreate")
    what = f"the pod of Job {job.metadata.name}"
    return explain_refusal(what, failures[-1].message, FIELDS["training"]) if failures else None


def find_replica_trouble(deployment: Deployment) -> Finding | None:
    """Return why a Deployment cannot make its pods, or None where it can."""
    for condition in deployment.status.conditions:
        if (condition.type, condition.status) == ("ReplicaFailure", "True"):
            what = f"a pod of Deployment {deployment.metadata.name}"
            return explain_refusal(what, condition.message or "", FIELDS["inference"])
    return None


def find_complaint(observed: Observed) -> Finding | None:
    """Return what a worker complains of, be it ready, or None where none does."""
    said, pods = observed.complaint, observed.inference_pods
    there = said is not None and any(pod.metadata.name == said.pod and not pod.gone for pod in pods)
    return _explain(said) if said is not None and there else None


def _explain(said: Complaint) -> Finding:
    if said.event == ONLY_BAD_IMAGES:
        return no("OnlyBadImages", f"pod {said.pod}: {said.words}; {BAD_IMAGES_ADVICE}")
    return no("KafkaUnusable", f"pod {said.pod}: {said.words}; {KAFKA_ADVICE}")


def _trouble_of(pod: Pod, observed: Observed) -> Finding | None:
    name, container = pod.metadata.name, pod.container
    for condition in pod.status.conditions:
        if (condition.type, condition.status, condition.reason) == ("PodScheduled", "False", "Unschedulable"):
            return _unschedulable(pod, condition.message or "", observed)
    if _waits_in_silence(pod):
        return _trouble_by_events(pod, observed)
    waiting = container.state.waiting
    if waiting is not None and waiting.reason in PULL_FAILURES:
        return _pull_failure(pod, waiting.message)
    if (said := observed.complaint) is not None and said.pod == name:
        return _explain(said)
    if not pod.ready and (end := container.state.terminated or container.last_state.terminated) is not None:
        return _crash_loop(pod, end)
    if waiting is None:
        return None
    return no(waiting.reason, f"pod {name}: {waiting.message or 'it does not say why'}")


def _waits_in_silence(pod: Pod) -> bool:
    """Return whether the pod is not running and its status does not say why."""
    state = pod.container.state
    if pod.gone or pod.status.phase != "Pending" or state.running is not None or state.terminated is not None:
        return False
    return state.waiting is None or state.waiting.reason in HARMLESS


def _unschedulable(pod: Pod, message: str, observed: Observed) -> Finding:
    if "ersistent" in message and (unbound := find_unbound_claim(observed)) is not None:
        return unbound
    advice = f"add a node that fits, or change {_field_of(pod)}"
    return no("Unschedulable", f"pod {pod.metadata.name} finds no node: {message.rstrip('.')}; {advice}")


def _pull_failure(pod: Pod, message: str) -> Finding:
    # The kubelet's words change with each step of its retries; what comes last in them is the cause.
    cause = message.rpartition(": ")[2]
    why = f" ({cause})" if cause and message.count(": ") else ""
    advice = (
        "push it, have the operator name another, "
        f"or name the Secret of its registry in {_field_of(pod)}.imagePullSecrets"
    )
    what = f"image {pod.container.image} of pod {pod.metadata.name} cannot be pulled{why}"
    return no("ImagePullBackOff", f"{what}; {advice}")


def _crash_loop(pod: Pod, end: Terminated) -> Finding:
    if end.out_of_memory:
        return no(
            "OOMKilled",
            f"pod {pod.metadata.name} needed more memory than its limit; raise "
            f"{_field_of(pod)}.resources.limits.memory, or lower spec.inference.maxBatchSize",
        )
    words = last_words(end.message)
    return no(
        "CrashLoopBackOff",
        f"pod {pod.metadata.name} ends again and again, with exit code {end.exit_code}: {words}",
    )


def _trouble_by_events(pod: Pod, observed: Observed) -> Finding | None:
    failures = events_about(pod.metadata, observed, "Failed")
    if not failures:
        return None
    if (lacking := _missing_key(failures)) is not None:
        volume, key = lacking
        where = f"of the Secret that {FIELDS_OF_SECRETS[volume]} names"
        message = f"pod {pod.metadata.name} waits for key {key} {where}, which is not there"
        return no("SecretKeyNotFound", f"{message}; add it, or name another")
    if missing := _missing_objects(failures):
        [*_, (kind, _)] = missing
        listed = " and ".join(f"{KIND_NAMES[each]} {name}" for each, name in missing)
        verb = "is" if len(missing) == 1 else "are"
        it = "it" if len(missing) == 1 else "them"
        message = f"pod {pod.metadata.name} waits for {listed}, which {verb} not there; create {it}"
        named = [field for _, name in missing for field in _fields_that_name(name, pod, observed)]
        advice = f", or name another in {' and '.join(named)}" if named else ""
        return no(f"{KIND_NAMES[kind]}NotFound", message + advice)
    message = DRAWN_ID.sub("…", failures[-1].message)
    return no(failures[-1].reason, f"pod {pod.metadata.name}: {message}")


def _missing_key(failures: list[Event]) -> tuple[str, str] | None:
    """Return volume and key of a Secret that lacks it, if that was told of at the last attempts.

    It goes before whole Secrets that are missing: they may have been told of before this one was made.
    """
    found = [
        (event.last_timestamp or LONG_AGO, match.group(1), match.group(2))
        for event in failures
        if (match := MISSING_KEY.search(event.message)) is not None
    ]
    newest = failures[-1].last_timestamp or LONG_AGO
    lacking = sorted((volume, key) for time, volume, key in found if newest - time <= MOUNT_PAUSE)
    return lacking[0] if lacking else None


def _missing_objects(failures: list[Event]) -> list[tuple[str, str]]:
    """Return kinds and names of what is missing, each once, as far as it was told of at the last attempts."""
    found = [
        (event.last_timestamp or LONG_AGO, match.group(1), match.group(2))
        for event in failures
        if (match := MISSING_OBJECT.search(event.message)) is not None
    ]
    newest = max((time for time, _, _ in found), default=LONG_AGO)
    return sorted({(kind, name) for time, kind, name in found if newest - time <= MOUNT_PAUSE})


def _fields_that_name(secret: str, pod: Pod, observed: Observed) -> list[str]:
    """Return the fields of the data set that name a Secret, which only a trainer waits for."""
    s3 = observed.model.spec.training.dataset.s3
    if s3 is None or _field_of(pod) != FIELDS["training"]:
        return []
    names = {"s3-credentials": s3.credentials_secret.name, "s3-ca": s3.ca_secret and s3.ca_secret.name}
    return [FIELDS_OF_SECRETS[volume] for volume, name in names.items() if name == secret]


def _field_of(pod: Pod) -> str:
    return FIELDS.get(pod.metadata.labels.get("app.kubernetes.io/component", ""), FIELDS["inference"])
