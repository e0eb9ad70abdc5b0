"""Why a pod does not run, or is not even made, in words that a person knows."""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from catdog_operator.observed import Observed
from catdog_operator.plan.finding import Finding, no
from catdog_operator.views import LONG_AGO, Deployment, Event, Job, Metadata, Pod

HARMLESS = ("", "ContainerCreating", "PodInitializing")
PULL_FAILURES = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")
LOG_LINES = 5
PATIENCE = timedelta(seconds=5)  # until Events are read about a child that does not get on
MISSING_OBJECT = re.compile(r'(secret|configmap|persistentvolumeclaim) "([^"]+)" not found')
KIND_NAMES = {
    "secret": "Secret",
    "configmap": "ConfigMap",
    "persistentvolumeclaim": "PersistentVolumeClaim",
}


def find_stuck(
    jobs: Iterable[Job], pods: Iterable[Pod], now: datetime, *, patience: timedelta = PATIENCE
) -> tuple[Metadata, ...]:
    """Return the children that do not get on, and of which only Events can tell why."""
    pods = tuple(pods)
    lonely = [job.metadata for job in jobs if not job.ended and not any(pod.is_of(job) for pod in pods)]
    waiting = [pod.metadata for pod in pods if _waits_in_silence(pod)]
    return tuple(each for each in (*lonely, *waiting) if (each.creation_timestamp or now) + patience <= now)


def find_pod_trouble(pods: Iterable[Pod], observed: Observed) -> Finding | None:
    """Return what keeps one of `pods` from running, or None where nothing does."""
    for pod in pods:
        if pod.metadata.deletion_timestamp is None and (trouble := _trouble_of(pod, observed)) is not None:
            return trouble
    return None


def find_job_trouble(job: Job, observed: Observed) -> Finding | None:
    """Return why a Job has no pod, as its controller said of it, or None where it said nothing."""
    failures = [event for event in _warnings(job.metadata, observed) if event.reason == "FailedCreate"]
    return _refused(f"the pod of Job {job.metadata.name}", failures[-1].message) if failures else None


def find_replica_trouble(deployment: Deployment) -> Finding | None:
    """Return why a Deployment cannot make its pods, or None where it can."""
    for condition in deployment.status.conditions:
        if (condition.type, condition.status) == ("ReplicaFailure", "True"):
            return _refused(f"a pod of Deployment {deployment.metadata.name}", condition.message or "")
    return None


def _trouble_of(pod: Pod, observed: Observed) -> Finding | None:
    name = pod.metadata.name
    for condition in pod.status.conditions:
        if (condition.type, condition.status, condition.reason) == ("PodScheduled", "False", "Unschedulable"):
            return no("Unschedulable", f"pod {name} finds no node: {condition.message}")
    if _waits_in_silence(pod):
        return _trouble_by_events(pod, observed)
    waiting = pod.container.state.waiting
    if waiting is None:
        return None
    if waiting.reason in PULL_FAILURES:
        return no("ImagePullBackOff", f"image {pod.container.image} of pod {name} cannot be pulled")
    if waiting.reason == "CrashLoopBackOff":
        return no("CrashLoopBackOff", _last_words(pod))
    return no(waiting.reason, f"pod {name}: {waiting.message or 'it does not say why'}")


def _waits_in_silence(pod: Pod) -> bool:
    """Return whether the pod is not running and its status does not say why."""
    state = pod.container.state
    if pod.metadata.deletion_timestamp is not None or pod.status.phase != "Pending":
        return False
    return state.waiting is None or state.waiting.reason in HARMLESS


def _trouble_by_events(pod: Pod, observed: Observed) -> Finding | None:
    warnings = [event for event in _warnings(pod.metadata, observed) if event.reason.startswith("Failed")]
    if not warnings:
        return None
    told = warnings[-1]
    if (missing := MISSING_OBJECT.search(told.message)) is not None:
        kind = KIND_NAMES[missing.group(1)]
        message = (
            f"pod {pod.metadata.name} waits for {kind} {missing.group(2)}, which is not there; create it"
        )
        return no(f"{kind}NotFound", message)
    return no(told.reason, f"pod {pod.metadata.name}: {told.message}")


def _warnings(child: Metadata, observed: Observed) -> list[Event]:
    about = [
        event
        for event in observed.events
        if event.type == "Warning" and event.involved_object.uid == child.uid
    ]
    return sorted(about, key=lambda event: event.last_timestamp or LONG_AGO)


def _refused(what: str, message: str) -> Finding:
    reason = "QuotaExceeded" if "exceeded quota" in message else "AdmissionRefused"
    return no(reason, f"{what} is refused: {message}")


def _last_words(pod: Pod) -> str:
    end = pod.container.last_state.terminated
    if end is None:
        return f"pod {pod.metadata.name} ends again and again"
    tail = " | ".join(end.message.strip().splitlines()[-LOG_LINES:]) or "its log is empty"
    return f"pod {pod.metadata.name} ends again and again, with exit code {end.exit_code}: {tail}"
