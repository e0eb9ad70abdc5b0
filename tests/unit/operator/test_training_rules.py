"""When a training Job is wanted, and when it goes."""

import msgspec

from catdog_common.training import EXIT_DATA
from catdog_operator.observed import Images
from catdog_operator.plan import plan
from catdog_operator.plan.failure import AFTER_AN_EDIT
from catdog_operator.status_fields import ModelStatus, Version
from catdog_operator.views import Condition, ContainerState, Waiting
from tests.unit.operator.builders import (
    NOW,
    condition,
    ended,
    later,
    some_claim,
    some_job,
    some_model,
    some_observed,
    some_progress,
    some_result,
    some_training_pod,
    status_of,
    wanted_names,
)

V1 = Version(version=1, hash="572360246d", accuracy=0.91, photos=940, trained_at="2026-03-01T11:00:00Z")
FROM_CLAIM = {"dataset": {"persistentVolumeClaim": {"claimName": "photos"}}}


def test_a_new_model_gets_its_claim_its_job_and_all_it_needs_in_kafka() -> None:
    decision = plan(some_observed(claim=None, topics={}, user=None))
    assert wanted_names(decision) == [
        "PersistentVolumeClaim/pets-models",
        "Job/pets-train-572360246d",
        "NetworkPolicy/pets-training",
        "NetworkPolicy/pets-inference",
        "KafkaTopic/pets-images",
        "KafkaTopic/pets-predictions",
        "KafkaTopic/pets-dead-letters",
        "KafkaUser/pets-catdog",
    ]


def test_no_job_is_wanted_where_a_version_of_the_settings_is_known() -> None:
    decision = plan(some_observed(some_model(status=ModelStatus(versions=(V1,)))))
    assert decision.training.create is None
    assert decision.wanted_version == 1


def test_a_job_waits_for_the_photos_claim_and_says_what_to_do() -> None:
    observed = some_observed(some_model(FROM_CLAIM))
    assert plan(observed).training.create is None
    assert condition(observed, "Trained") == (
        "False",
        "DatasetClaimNotFound",
        (
            "PersistentVolumeClaim photos is not in namespace kafka; "
            "create it or name another in spec.training.dataset.persistentVolumeClaim.claimName"
        ),
    )
    assert condition(observed, "Ready") == condition(observed, "Trained")
    assert status_of(observed).phase == "Pending"


def test_a_job_starts_as_soon_as_the_photos_claim_is_there() -> None:
    observed = some_observed(some_model(FROM_CLAIM), dataset_claim=some_claim("photos", "Pending"))
    assert plan(observed).training.create is not None


def test_a_job_waits_for_the_users_own_claim_for_models() -> None:
    observed = some_observed(some_model(storage={"existingClaim": "models"}), claim=None)
    assert plan(observed).training.create is None
    assert condition(observed, "StorageReady") == (
        "False",
        "ClaimNotFound",
        "PersistentVolumeClaim models is not in namespace kafka; create it",
    )


def test_a_result_in_a_pods_termination_message_becomes_a_version() -> None:
    model = some_model()
    job = some_job(model)
    pod = some_training_pod(job, ended(0, some_result(2, job.hash, (1, "0123456789"))))
    observed = some_observed(model, jobs=(job,), training_pods=(pod,))
    assert [(each.version, each.digest) for each in status_of(observed).versions] == [
        (2, "sha256:bb"),
        (1, None),
    ]
    assert condition(observed, "Trained") == (
        "True",
        "Trained",
        "version 2 was trained from these settings; 92.0% of 940 validation photos are right",
    )
    assert plan(observed).delete == (), "the Job is yet to be complete, and its log is worth keeping"


def test_a_version_is_noted_before_the_job_that_told_of_it_is_deleted() -> None:
    former, model = some_model(), some_model({"epochs": 30})
    job = some_job(former, "Complete")
    pod = some_training_pod(job, ended(0, some_result(1, job.hash)))
    decision = plan(some_observed(model, jobs=(job,), training_pods=(pod,)))
    assert decision.delete == (job,)
    assert decision.news


def test_the_inventory_of_the_last_training_replaces_what_the_status_says() -> None:
    model = some_model(status=ModelStatus(versions=(V1,)))
    job = some_job(some_model({"seed": 7}))
    pod = some_training_pod(job, ended(0, some_result(2, job.hash)))
    observed = some_observed(model, jobs=(job,), training_pods=(pod,))
    assert [each.version for each in plan(observed).versions] == [2], "version 1 is no more on the claim"


def test_an_edit_during_training_replaces_the_running_job() -> None:
    running, model = some_job(some_model()), some_model({"epochs": 30})
    decision = plan(some_observed(model, jobs=(running,)))
    assert decision.delete == (running,)
    assert decision.training.create is None, "the old pod is gone before the new one starts"


def test_the_next_job_waits_until_the_one_that_leaves_is_gone() -> None:
    leaving = some_job(some_model(), deletion_timestamp=NOW)
    decision = plan(some_observed(some_model({"epochs": 30}), jobs=(leaving,)))
    assert decision.delete == ()
    assert decision.training.create is None
    assert decision.training.finding.reason == "Replacing"


def test_a_change_of_the_pods_settings_replaces_a_job_that_has_not_succeeded() -> None:
    failed = some_job(some_model(), "Failed")
    model = some_model({"pod": {"resources": {"limits": {"memory": "6Gi"}}}})
    assert plan(some_observed(model, jobs=(failed,))).delete == (failed,)


def test_a_complete_job_whose_pod_is_not_heard_of_yet_is_given_time() -> None:
    model = some_model()
    job = some_job(model, "Complete")
    decision = plan(some_observed(model, jobs=(job,), now=later(4)))
    assert decision.delete == ()
    assert decision.look_again == 6


def test_a_complete_job_without_a_result_runs_once_more_and_no_more() -> None:
    model = some_model()
    first, second = some_job(model, "Complete"), some_job(model, "Complete", attempt=2)
    assert plan(some_observed(model, jobs=(first,), now=later(60))).delete == (first,)
    observed = some_observed(model, jobs=(second,), now=later(60))
    assert plan(observed).delete == ()
    assert condition(observed, "Trained") == (
        "False",
        "ResultUnreadable",
        (
            "Job pets-train-572360246d is complete without a result to be read; "
            "see its log, delete it to try again"
        ),
    )


def test_progress_is_shown_while_a_job_trains() -> None:
    model = some_model()
    job = some_job(model)
    pods = (some_training_pod(job),)
    observed = some_observed(model, jobs=(job,), training_pods=pods, progress=some_progress(7))
    status = status_of(observed)
    assert status.phase == "Training"
    assert status.progress is not None
    assert (status.progress.epoch, status.progress.job_name) == (7, "pets-train-572360246d")
    assert plan(observed).look_again == 10


def test_a_log_that_is_not_to_be_read_keeps_the_progress_as_it_was() -> None:
    model = some_model()
    job = some_job(model)
    before = some_observed(model, jobs=(job,), progress=some_progress(7))
    after = some_observed(some_model(status=status_of(before)), jobs=(job,), progress=None)
    assert status_of(after).progress == status_of(before).progress


def test_a_job_that_cannot_pull_its_image_is_replaced_when_the_operator_names_another() -> None:
    model = some_model()
    job = some_job(model)
    pod = some_training_pod(job, ContainerState(waiting=Waiting("ImagePullBackOff", "Back-off: not found")))
    assert plan(some_observed(model, jobs=(job,), training_pods=(pod,))).delete == ()
    surroundings = msgspec.structs.replace(
        some_observed().surroundings,
        images=Images(trainer="catdog-trainer:2", inference="catdog-inference:1"),
    )
    observed = some_observed(model, jobs=(job,), training_pods=(pod,), surroundings=surroundings)
    assert plan(observed).delete == (job,)
    running = some_observed(
        model, jobs=(job,), training_pods=(some_training_pod(job),), surroundings=surroundings
    )
    assert plan(running).delete == (), "an upgrade leaves a training alone that runs"


def test_a_training_that_is_tried_again_says_how_the_last_attempt_ended() -> None:
    model = some_model()
    job = some_job(model)
    pods = (some_training_pod(job, ended(1, "ValueError: no such thing"), phase="Failed"),)
    observed = some_observed(model, jobs=(job,), training_pods=pods)
    assert condition(observed, "Trained") == (
        "False",
        "Training",
        (
            "Job pets-train-572360246d is training these settings, again after TrainerCrashed: "
            f"the trainer ended with exit code 1: ValueError: no such thing; {AFTER_AN_EDIT}"
        ),
    )


def test_a_trainer_whose_pod_was_taken_away_has_not_crashed() -> None:
    model = some_model()
    job = some_job(model)
    pod = some_training_pod(job, ended(143), phase="Failed")
    taken = Condition("DisruptionTarget", "True", "EvictionByEvictionAPI", "Eviction API: evicting")
    pod = msgspec.structs.replace(pod, status=msgspec.structs.replace(pod.status, conditions=(taken,)))
    observed = some_observed(model, jobs=(job,), training_pods=(pod,))
    assert condition(observed, "Trained")[2] == (
        "Job pets-train-572360246d is training these settings, again after EvictionByEvictionAPI: "
        "Eviction API: evicting"
    )


def test_photos_that_are_not_good_enough_are_no_crash_while_the_job_still_has_to_fail() -> None:
    model = some_model()
    job = some_job(model)
    pods = (some_training_pod(job, ended(EXIT_DATA, "no photos"), phase="Failed"),)
    observed = some_observed(model, jobs=(job,), training_pods=pods)
    assert condition(observed, "Trained") == (
        "False",
        "Training",
        "Job pets-train-572360246d is training these settings",
    )


def test_a_trainer_that_has_just_ended_reads_as_it_does_a_moment_later() -> None:
    """The kubelet tells of a container's end before it tells of the pod's; the Job may still try again."""
    model = some_model()
    job = some_job(model)
    end = ended(137, reason="OOMKilled")
    phases = ("Running", "Failed")
    pods = [some_training_pod(job, end, phase=phase) for phase in phases]
    told = [condition(some_observed(model, jobs=(job,), training_pods=(pod,)), "Trained") for pod in pods]
    assert told[0] == told[1]
    assert told[0][1] == "Training"
