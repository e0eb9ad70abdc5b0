"""What the end of a failed training means, and when it is tried again."""

from datetime import timedelta

import msgspec
import pytest

from catdog_operator.manifests.training_job import job_settings_digest
from catdog_operator.plan import plan
from catdog_operator.plan.failure import AFTER_AN_EDIT, retry_wait
from catdog_operator.plan.last_words import last_words
from catdog_operator.status_fields import Failure, ModelStatus, Version
from catdog_operator.views import POD_SETTINGS_ANNOTATION, ContainerState
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


def test_data_that_no_attempt_would_ever_find_otherwise_wait_for_an_edit() -> None:
    model = some_model()
    job = some_job(model, "Failed")
    pod = some_training_pod(job, data_failure("OffsetsNotFound", "they are gone", permanent=True))
    observed = some_observed(model, jobs=(job,), training_pods=(pod,), now=later(9999))
    assert condition(observed, "Trained") == ("False", "OffsetsNotFound", "they are gone")
    assert plan(observed).delete == ()
    assert plan(observed).look_again is None


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
            "the trainer ended with exit code 1: Traceback ... | File ... | ValueError: no such thing; "
            + AFTER_AN_EDIT,
        ),
        (
            ended(65, "not JSON"),
            "TrainerCrashed",
            f"the trainer ended with exit code 65: not JSON; {AFTER_AN_EDIT}",
        ),
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
        f"Job pets-train-572360246d failed: because; {AFTER_AN_EDIT}",
    )


def test_what_was_told_of_a_failure_stays_when_its_pods_are_gone() -> None:
    model = some_model()
    job = some_job(model, "Failed")
    with_pod = some_observed(model, jobs=(job,), training_pods=(some_training_pod(job, data_failure()),))
    noted = status_of(with_pod)
    without = some_observed(some_model(status=noted), jobs=(job,), now=later(5))
    assert condition(without, "Trained") == ("False", "DataNotFound", "there are no photos")
    assert status_of(without).last_failure == noted.last_failure


def test_a_deadline_is_told_whatever_its_pods_say_and_waits_for_an_edit() -> None:
    model = some_model({"activeDeadlineSeconds": 600})
    job = some_job(model, "Failed", reason="DeadlineExceeded")
    settings = {POD_SETTINGS_ANNOTATION: job_settings_digest(model.spec.training)}
    job = msgspec.structs.replace(job, metadata=msgspec.structs.replace(job.metadata, annotations=settings))
    told = (
        "False",
        "DeadlineExceeded",
        "the training was not done within 600 s; raise spec.training.activeDeadlineSeconds",
    )
    for pods in ((), (some_training_pod(job, ended(143, "Terminated")),)):
        observed = some_observed(model, jobs=(job,), training_pods=pods, now=later(9999))
        assert condition(observed, "Trained") == told
        assert plan(observed).delete == ()


def test_a_log_is_told_by_what_happened_and_is_the_same_for_the_same_trouble() -> None:
    log = '{"timestamp": "12:00:%s", "event": "the worker can\'t start", "error": "no file"}\n\nplain\n'
    assert last_words(log % "01") == last_words(log % "02") == "the worker can't start: no file | plain"
    assert last_words("") == "its log is empty"
    assert len(last_words("x" * 5000)) == 600
    assert last_words("return 1 / 0\n       ~~^~~\nZeroDivisionError") == "return 1 / 0 | ZeroDivisionError"
    assert last_words("\n".join("abcdefg")) == "c | d | e | f | g"


def test_a_failure_is_forgotten_when_its_settings_are_trained() -> None:
    failure = Failure(hash=V1.hash, reason="DataNotFound", message="", time=NOW, attempts=2)
    trained = some_model(status=ModelStatus(last_failure=failure, versions=(V1,)))
    assert status_of(some_observed(trained)).last_failure is None
