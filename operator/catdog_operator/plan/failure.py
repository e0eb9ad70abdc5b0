"""What the end of a failed training means: whose fault it is, and when it is worth another attempt."""

from datetime import datetime, timedelta

import msgspec

from catdog_common.training import EXIT_DATA, TrainingFailure
from catdog_operator.observed import Observed, Retry
from catdog_operator.plan.last_words import last_words
from catdog_operator.status_fields import Failure
from catdog_operator.views import LONG_AGO, Condition, Job, Pod, Terminated

AFTER_AN_EDIT = "when the cause is gone, an edit of spec.training, such as another revision, tries again"


def read_failure(job: Job, pods: tuple[Pod, ...], observed: Observed) -> Failure:
    """Return how `job` failed, by the last of its pods to end; `pods` are in the order of their ends.

    What was noted of it stays when its pods are gone.
    """
    time = (job.failed and job.failed.last_transition_time) or LONG_AGO
    if (
        job.failed and job.failed.reason == "DeadlineExceeded"
    ):  # its pods were ended for that, and say nothing
        return _failure(job, time, "DeadlineExceeded", _describe_deadline(observed))
    end = last_end(pods)
    if end is None:
        return _noted(job, observed) or _failure(job, time, *_by_its_condition(job))
    if (fault := _data_fault(end)) is not None:
        wait = retry_wait(job.attempt, observed.surroundings.retry)
        next_attempt = None if fault.permanent else time + wait
        return _failure(job, time, fault.reason, fault.message, end, next_attempt)
    return _failure(job, time, *describe_crash(end), end)


def last_end(pods: tuple[Pod, ...]) -> Terminated | None:
    """Return how the last of `pods` ended, or None where none has."""
    last = _last_to_end(pods)
    return last.container.state.terminated if last else None


def last_disruption(pods: tuple[Pod, ...]) -> Condition | None:
    """Return what took the last of `pods` away, or None where it ended by itself."""
    last = _last_to_end(pods)
    return last.disruption if last else None


def _last_to_end(pods: tuple[Pod, ...]) -> Pod | None:
    return next((pod for pod in reversed(pods) if pod.container.state.terminated), None)


def retry_wait(attempt: int, retry: Retry) -> timedelta:
    """Return how long to wait after the `attempt`-th failure."""
    doublings = min(attempt - 1, 20)
    return timedelta(seconds=min(retry.first * 2**doublings, retry.longest))


def describe_crash(end: Terminated) -> tuple[str, str]:
    """Return reason and message for a trainer that did not end as it should."""
    if end.out_of_memory:
        return "OOMKilled", (
            "the trainer needed more memory than its limit; raise "
            "spec.training.pod.resources.limits.memory, or lower spec.training.batchSize"
        )
    words = last_words(end.message)
    message = f"the trainer ended with exit code {end.exit_code}: {words}; {AFTER_AN_EDIT}"
    return "TrainerCrashed", message


def _data_fault(end: Terminated) -> TrainingFailure | None:
    """Return what the trainer said of the data; unless it says so, the world can put that right."""
    if end.exit_code != EXIT_DATA:
        return None
    try:
        return msgspec.json.decode(end.message, type=TrainingFailure)
    except msgspec.DecodeError:
        return None


def _describe_deadline(observed: Observed) -> str:
    seconds = observed.model.spec.training.active_deadline_seconds
    return f"the training was not done within {seconds} s; raise spec.training.activeDeadlineSeconds"


def _noted(job: Job, observed: Observed) -> Failure | None:
    noted = observed.model.status.last_failure
    return noted if noted and (noted.hash, noted.attempts) == (job.hash, job.attempt) else None


def _by_its_condition(job: Job) -> tuple[str, str]:
    told = job.failed
    why = (told and told.message) or "it does not say why"
    return (told and told.reason) or "JobFailed", f"Job {job.metadata.name} failed: {why}; {AFTER_AN_EDIT}"


def _failure(
    job: Job,
    time: datetime,
    reason: str,
    message: str,
    end: Terminated | None = None,
    next_attempt: datetime | None = None,
) -> Failure:
    return Failure(
        hash=job.hash,
        reason=reason,
        message=message,
        time=time,
        attempts=job.attempt,
        exit_code=end.exit_code if end else None,
        next_attempt_time=next_attempt,
    )
