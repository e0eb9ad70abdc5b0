"""What a model's Events tell, and that they tell it once."""

import msgspec

from catdog_operator.announcements import MESSAGE_CHARACTERS, announce, build_events
from catdog_operator.observed import Observed
from catdog_operator.status_fields import Failure, InferenceStatus, ModelStatus, Version
from tests.unit.operator.builders import (
    NOW,
    data_failure,
    ended,
    some_deployment,
    some_job,
    some_model,
    some_observed,
    some_result,
    some_training_pod,
    some_worker,
    status_of,
)

Told = list[tuple[str, str]]


def told(observed: Observed) -> Told:
    """Return reasons and messages of what is told as the model gets its present status."""
    return [(each.reason, each.message) for each in announce(observed, status_of(observed))]


def as_noted(observed: Observed, **fields: object) -> Observed:
    """Return what is observed once the status has been written."""
    model = msgspec.structs.replace(observed.model, status=status_of(observed))
    return msgspec.structs.replace(observed, model=model, **fields)


def training() -> Observed:
    model = some_model()
    return some_observed(model, jobs=(some_job(model),))


def published() -> Observed:
    model = some_model()
    job = some_job(model, "Complete")
    pods = (some_training_pod(job, ended(0, some_result(1, job.hash))),)
    return as_noted(training(), jobs=(job,), training_pods=pods)


def test_a_training_that_starts_is_told_once() -> None:
    started = ("TrainingStarted", "Job pets-train-572360246d trains the settings 572360246d")
    assert told(training()) == [started]
    assert told(as_noted(training())) == []


def test_a_published_version_is_told_with_its_figures() -> None:
    assert told(published()) == [
        ("VersionPublished", "version 1 is on the claim; 91.0% of 940 validation photos are right")
    ]


def test_a_version_that_comes_to_serve_is_told_with_the_one_before() -> None:
    serves = as_noted(published(), deployment=some_deployment(1), inference_pods=(some_worker(1),))
    assert told(serves) == [("Promoted", "version 1 serves now")]
    pinned = some_model(
        status=msgspec.structs.replace(
            status_of(serves), versions=(*status_of(serves).versions, older_version(2))
        ),
        inference={"modelVersion": 2},
    )
    moved = some_observed(pinned, deployment=some_deployment(2), inference_pods=(some_worker(2),))
    assert told(moved) == [("Pinned", "version 2 serves now, as it is pinned; before: version 1")]


def test_a_version_that_is_refused_is_told_by_how_much() -> None:
    model = some_model(promotion={"minAccuracy": 0.99})
    job = some_job(model)
    pods = (some_training_pod(job, ended(0, some_result(1, job.hash))),)
    observed = as_noted(some_observed(model, jobs=(job,)), training_pods=pods)
    assert told(observed)[-1] == (
        "PromotionRefused",
        (
            "BelowMinAccuracy: version 1 gets 855 of 940 validation photos right (91.0%), and "
            "spec.promotion.minAccuracy asks for 99.0%; nothing serves. "
            "To serve it all the same: spec.inference.modelVersion: 1"
        ),
    )
    assert told(as_noted(observed)) == []


def test_a_training_that_fails_is_told_with_the_reason_and_the_next_attempt() -> None:
    model = some_model()
    job = some_job(model, "Failed")
    observed = some_observed(model, jobs=(job,), training_pods=(some_training_pod(job, data_failure()),))
    assert told(observed) == [
        ("TrainingFailed", "DataNotFound: there are no photos; it is tried again at 12:01:00 UTC")
    ]
    [event] = build_events(observed, status_of(observed))
    assert event["type"] == "Warning"


def test_the_same_told_again_is_the_same_event_and_another_day_it_is_another() -> None:
    [first], [again] = (build_events(training(), status_of(training())) for _ in range(2))
    assert first["metadata"]["name"] == again["metadata"]["name"]
    failed = ModelStatus(last_failure=Failure("572360246d", "DataNotFound", "no photos", NOW, attempts=1))
    model = some_model(status=failed)
    retried = some_observed(model, jobs=(some_job(model, attempt=2),))
    [second] = build_events(retried, status_of(retried))
    assert second["message"] == first["message"]
    assert second["metadata"]["name"] != first["metadata"]["name"]


def test_an_event_is_of_the_model_and_within_the_apis_bounds() -> None:
    model = some_model()
    job = some_job(model, "Failed")
    pods = (some_training_pod(job, data_failure("Long", "x" * 5000)),)
    [event] = build_events(
        observed := some_observed(model, jobs=(job,), training_pods=pods), status_of(observed)
    )
    assert len(event["message"]) == MESSAGE_CHARACTERS
    assert event["involvedObject"]["uid"] == "model-1"
    assert event["metadata"]["namespace"] == "kafka"
    assert event["firstTimestamp"] == "2026-03-01T12:00:00Z"


def test_a_model_at_rest_tells_nothing() -> None:
    status = ModelStatus(versions=(older_version(1),), inference=InferenceStatus(1, 1, "", 1))
    observed = some_observed(
        some_model(status=status), deployment=some_deployment(1), inference_pods=(some_worker(1),)
    )
    assert told(as_noted(observed)) == []


def older_version(number: int) -> Version:
    return Version(number, "572360246d", accuracy=0.9, photos=940, trained_at="2026-03-01T11:00:00Z")
