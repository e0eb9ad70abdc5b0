"""What the end of a failed training means: whose fault it is, and when it is worth another attempt."""

from datetime import datetime, timedelta

import msgspec

from catdog_common.training import EXIT_DATA, TrainingFailure
from catdog_operator.observed import Retry
from catdog_operator.status_fields import Failure
from catdog_operator.views import LONG_AGO, Job, Pod, Terminated

LOG_LINES = 5  # of a crash, in its message


def read_failure(job: Job, pods: tuple[Pod, ...], retry: Retry) -> Failure:
    """Return how `job` failed, by the last of its pods to end; `pods` are in the order of their ends."""
    ends = [pod.container.state.terminated for pod in pods if pod.container.state.terminated]
    time = (job.failed and job.failed.last_transition_time) or LONG_AGO
    if not ends:
        return _without_pod(job, time)
    end = ends[-1]
    if (fault := _data_fault(end)) is not None:
        wait = retry_wait(job.attempt, retry)
        return Failure(
            hash=job.hash,
            reason=fault.reason,
            message=fault.message,
            time=time,
            attempts=job.attempt,
            exit_code=end.exit_code,
            next_attempt_time=time + wait,
        )
    reason, message = _crash(end)
    return Failure(
        hash=job.hash,
        reason=reason,
        message=message,
        time=time,
        attempts=job.attempt,
        exit_code=end.exit_code,
    )


def retry_wait(attempt: int, retry: Retry) -> timedelta:
    """Return how long to wait after the `attempt`-th failure."""
    doublings = min(attempt - 1, 20)
    return timedelta(seconds=min(retry.first * 2**doublings, retry.longest))


def _data_fault(end: Terminated) -> TrainingFailure | None:
    """Return what the trainer said of the data; the world can put that right without an edit."""
    if end.exit_code != EXIT_DATA:
        return None
    try:
        return msgspec.json.decode(end.message, type=TrainingFailure)
    except msgspec.DecodeError:
        return None


def _crash(end: Terminated) -> tuple[str, str]:
    if end.reason == "OOMKilled":
        return "OOMKilled", (
            "the trainer needed more memory than its limit; raise "
            "spec.training.pod.resources.limits.memory, or lower spec.training.batchSize"
        )
    tail = " | ".join(end.message.strip().splitlines()[-LOG_LINES:])
    return "TrainerCrashed", f"the trainer ended with exit code {end.exit_code}: {tail or 'its log is empty'}"


def _without_pod(job: Job, time: datetime) -> Failure:
    told = job.failed
    return Failure(
        hash=job.hash,
        reason=(told and told.reason) or "JobFailed",
        message=f"Job {job.metadata.name} failed: {(told and told.message) or 'it does not say why'}",
        time=time,
        attempts=job.attempt,
    )
