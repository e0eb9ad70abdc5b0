"""What the end of a failed training means, and when it is tried again."""

from datetime import timedelta

import pytest

from catdog_operator.plan import plan
from catdog_operator.plan.failure import retry_wait
from catdog_operator.status_fields import Failure, ModelStatus, Version
from catdog_operator.views import ContainerState
from tests.unit.operator.builders import (
    NOW,
    RETRY,
    condition,
    data_failure,
    ended,
    later,
    some_job,
    some_model,
    some_observed,
    some_training_pod,
    status_of,
)

V1 = Version(version=1, hash="572360246d", accuracy=0.91, photos=940, trained_at="2026-03-01T11:00:00Z")
FROM_CLAIM = {"dataset": {"persistentVolumeClaim": {"claimName": "photos"}}}


def test_data_at_fault_are_tried_again_when_their_wait_is_over() -> None:
    model = some_model()
    job = some_job(model, "Failed", attempt=2)
    pod = some_training_pod(job, data_failure("TooFewPhotos", "3 photos of cats are too few"))
    waiting = some_observed(model, jobs=(job,), training_pods=(pod,), now=later(50))
    assert condition(waiting, "Trained") == ("False", "TooFewPhotos", "3 photos of cats are too few")
    assert status_of(waiting).phase == "Failed"
    assert plan(waiting).delete == ()
    assert plan(waiting).look_again == 70
    assert status_of(waiting).last_failure == Failure(
        hash=job.hash,
        reason="TooFewPhotos",
        message="3 photos of cats are too few",
        time=NOW,
        attempts=2,
        exit_code=65,
        next_attempt_time=later(120),
    )
    over = some_observed(model, jobs=(job,), training_pods=(pod,), now=later(120))
    assert plan(over).delete == (job,)


def test_attempts_are_counted_on_over_a_deleted_job() -> None:
    failure = Failure(hash="572360246d", reason="DataNotFound", message="", time=NOW, attempts=2)
    decision = plan(some_observed(some_model(status=ModelStatus(last_failure=failure))))
    assert decision.training.create is not None
    assert decision.training.create["metadata"]["annotations"]["catdog.dev/attempt"] == "3"


def test_attempts_begin_anew_with_an_edit() -> None:
    failure = Failure(hash="572360246d", reason="DataNotFound", message="", time=NOW, attempts=2)
    decision = plan(some_observed(some_model({"seed": 1}, status=ModelStatus(last_failure=failure))))
    assert decision.training.create is not None
    assert decision.training.create["metadata"]["annotations"]["catdog.dev/attempt"] == "1"


@pytest.mark.parametrize(
    ("attempt", "seconds"), [(1, 60), (2, 120), (3, 240), (5, 960), (6, 1800), (99, 1800)]
)
def test_waits_double_up_to_half_an_hour(attempt: int, seconds: int) -> None:
    assert retry_wait(attempt, RETRY) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("end", "reason", "message"),
    [
        (
            ended(137, "Killed", "OOMKilled"),
            "OOMKilled",
            (
                "the trainer needed more memory than its limit; raise "
                "spec.training.pod.resources.limits.memory, or lower spec.training.batchSize"
            ),
        ),
        (
            ended(1, "Traceback ...\n  File ...\nValueError: no such thing\n"),
            "TrainerCrashed",
            "the trainer ended with exit code 1: Traceback ... |   File ... | ValueError: no such thing",
        ),
        (ended(65, "not JSON"), "TrainerCrashed", "the trainer ended with exit code 65: not JSON"),
    ],
)
def test_a_crash_is_told_and_waits_for_an_edit(end: ContainerState, reason: str, message: str) -> None:
    model = some_model()
    job = some_job(model, "Failed")
    pods = (some_training_pod(job, end),)
    observed = some_observed(model, jobs=(job,), training_pods=pods, now=later(9999))
    assert condition(observed, "Trained") == ("False", reason, message)
    assert plan(observed).delete == ()
    assert plan(observed).look_again is None


def test_a_failed_job_whose_pods_are_gone_says_what_the_job_says() -> None:
    model = some_model()
    observed = some_observed(model, jobs=(some_job(model, "Failed"),))
    assert condition(observed, "Trained") == (
        "False",
        "Why",
        "Job pets-train-572360246d failed: because",
    )


def test_a_failure_is_forgotten_when_its_settings_are_trained() -> None:
    failure = Failure(hash=V1.hash, reason="DataNotFound", message="", time=NOW, attempts=2)
    trained = some_model(status=ModelStatus(last_failure=failure, versions=(V1,)))
    assert status_of(some_observed(trained)).last_failure is None
