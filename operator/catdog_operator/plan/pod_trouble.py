"""Why a pod does not run, in words that a person knows."""

from collections.abc import Iterable

from catdog_operator.plan.finding import Finding, no
from catdog_operator.views import Pod

HARMLESS = ("", "ContainerCreating", "PodInitializing")
PULL_FAILURES = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")
LOG_LINES = 5


def find_pod_trouble(pods: Iterable[Pod]) -> Finding | None:
    """Return what keeps one of `pods` from running, or None where nothing does."""
    for pod in pods:
        if pod.metadata.deletion_timestamp is None and (trouble := _trouble_of(pod)) is not None:
            return trouble
    return None


def _trouble_of(pod: Pod) -> Finding | None:
    name = pod.metadata.name
    for condition in pod.status.conditions:
        if (condition.type, condition.status, condition.reason) == ("PodScheduled", "False", "Unschedulable"):
            return no("Unschedulable", f"pod {name} finds no node: {condition.message}")
    waiting = pod.container.state.waiting
    if waiting is None or waiting.reason in HARMLESS:
        return None
    if waiting.reason in PULL_FAILURES:
        return no("ImagePullBackOff", f"image {pod.container.image} of pod {name} cannot be pulled")
    if waiting.reason == "CrashLoopBackOff":
        return no("CrashLoopBackOff", _last_words(pod))
    return no(waiting.reason, f"pod {name}: {waiting.message or 'it does not say why'}")


def _last_words(pod: Pod) -> str:
    end = pod.container.last_state.terminated
    if end is None:
        return f"pod {pod.metadata.name} ends again and again"
    tail = " | ".join(end.message.strip().splitlines()[-LOG_LINES:]) or "its log is empty"
    return f"pod {pod.metadata.name} ends again and again, with exit code {end.exit_code}: {tail}"
