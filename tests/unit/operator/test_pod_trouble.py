"""Why pods do not run, told in the same words for as long as it is so."""

from datetime import datetime

import pytest

from catdog_operator.plan import plan
from catdog_operator.plan.finding import Finding, no
from catdog_operator.plan.pod_trouble import find_pod_trouble, find_stuck
from catdog_operator.plan.refusal import explain_refusal
from catdog_operator.resolve import resolve
from catdog_operator.status_fields import ModelStatus, Version
from catdog_operator.views import Condition, ContainerState, PodStatus, Terminated, Waiting
from tests.unit.operator.builders import (
    NOW,
    condition,
    ended,
    later,
    some_bucket,
    some_claim,
    some_deployment,
    some_event,
    some_job,
    some_model,
    some_observed,
    some_training_pod,
    some_worker,
)

V1 = Version(version=1, hash="572360246d", accuracy=0.91, photos=940, trained_at="2026-03-01T11:00:00Z")
SERVING = some_model(status=ModelStatus(versions=(V1,)))
CREATING = Waiting("ContainerCreating")
TRAINER = f"pets-train-{resolve(some_model(some_bucket())).hash}-x"
QUOTA = "exceeded quota: small, requested: pods=1, used: pods=1, limited: pods=1"


def trouble_of(state: ContainerState, last: Terminated | None = None) -> Finding | None:
    """Return the trouble of a worker that is not ready."""
    return find_pod_trouble([some_worker(1, last=last, state=state)], some_observed())


def unschedulable(message: str) -> Condition:
    return Condition("PodScheduled", "False", "Unschedulable", message)


def test_a_trainer_that_finds_no_node_says_what_to_change() -> None:
    model = some_model()
    job = some_job(model)
    pod = some_training_pod(
        job, ContainerState(), conditions=(unschedulable("0/1 nodes are available: 1 Insufficient cpu."),)
    )
    assert condition(some_observed(model, jobs=(job,), training_pods=(pod,)), "Trained") == (
        "False",
        "Unschedulable",
        (
            "pod pets-train-572360246d-x finds no node: 0/1 nodes are available: 1 Insufficient cpu; "
            "add a node that fits, or change spec.training.pod"
        ),
    )


def test_a_pod_that_waits_for_a_claim_to_be_bound_says_which_and_why() -> None:
    model = some_model()
    job, claim = some_job(model), some_claim("pets-models", "Pending")
    message = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims."
    pod = some_training_pod(job, ContainerState(), conditions=(unschedulable(message),))
    told = some_event(claim.metadata, "ProvisioningFailed", 'storageclass.storage.k8s.io "fast" not found')
    observed = some_observed(model, jobs=(job,), training_pods=(pod,), claim=claim, events=(told,))
    expected = (
        "False",
        "ClaimPending",
        (
            'PersistentVolumeClaim pets-models is not bound: storageclass.storage.k8s.io "fast" not found; '
            "provide a volume or the storage class that it asks for"
        ),
    )
    assert condition(observed, "Trained") == expected
    assert condition(observed, "StorageReady") == expected
    assert condition(observed, "Ready") == expected


def test_the_photos_claim_is_told_of_where_that_is_the_one_without_a_volume() -> None:
    model = some_model({"dataset": {"persistentVolumeClaim": {"claimName": "photos"}}})
    job = some_job(model)
    message = "0/1 nodes are available: node(s) didn't find available persistent volumes to bind"
    pod = some_training_pod(job, ContainerState(), conditions=(unschedulable(message),))
    photos = some_claim("photos", "Pending")
    observed = some_observed(model, jobs=(job,), training_pods=(pod,), dataset_claim=photos)
    assert condition(observed, "Trained")[:2] == ("False", "DatasetClaimPending")


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("ErrImagePull", 'failed to pull and unpack image "a/trainer:1": a/trainer:1: not found'),
        ("ImagePullBackOff", 'Back-off pulling image "a/trainer:1": ErrImagePull: rpc error: not found'),
    ],
)
def test_an_image_that_is_not_there_reads_the_same_at_each_step_of_the_kubelets_retries(
    reason: str, message: str
) -> None:
    assert trouble_of(ContainerState(waiting=Waiting(reason, message))) == no(
        "ImagePullBackOff",
        "image catdog-inference:1 of pod pets-inference-1 cannot be pulled (not found); push it, have the "
        "operator name another, or name the Secret of its registry in spec.inference.pod.imagePullSecrets",
    )


def test_a_crash_loop_reads_the_same_between_and_during_its_restarts() -> None:
    end = Terminated(1, "Error", '{"event": "the worker can\'t start", "error": "trunk.tflite is damaged"}\n')
    expected = no(
        "CrashLoopBackOff",
        "pod pets-inference-1 ends again and again, with exit code 1: "
        "the worker can't start: trunk.tflite is damaged",
    )
    assert trouble_of(ContainerState(terminated=end)) == expected
    assert trouble_of(ContainerState(waiting=Waiting("CrashLoopBackOff")), end) == expected
    assert trouble_of(ContainerState(running={}), end) == expected


def test_a_worker_that_starts_or_that_is_ready_after_a_crash_is_in_no_trouble() -> None:
    assert trouble_of(ContainerState(running={})) is None
    ready = some_worker(1, last=Terminated(1, "Error"))
    assert find_pod_trouble([ready], some_observed()) is None


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("OOMKilled", ""),
        (
            "StartError",
            "failed to create containerd task: container init was OOM-killed (memory limit too low?)",
        ),
    ],
)
def test_a_worker_that_is_out_of_memory_says_what_to_raise(reason: str, message: str) -> None:
    assert trouble_of(ended(137, message, reason)) == no(
        "OOMKilled",
        "pod pets-inference-1 needed more memory than its limit; raise "
        "spec.inference.pod.resources.limits.memory, or lower spec.inference.maxBatchSize",
    )


def test_a_pod_that_was_evicted_is_of_the_past() -> None:
    evicted = some_worker(1, state=ended(137))
    pod = type(evicted)(evicted.metadata, PodStatus("Failed", (), evicted.status.container_statuses))
    assert find_pod_trouble([pod], some_observed()) is None


def test_of_several_pods_in_trouble_the_oldest_speaks_in_whatever_order_they_come() -> None:
    old = some_worker(1, Waiting("CrashLoopBackOff"), Terminated(1), name="z", creation_timestamp=NOW)
    new = some_worker(1, Waiting("ErrImagePull"), name="a", creation_timestamp=later(9))
    findings = [find_pod_trouble(pods, some_observed()) for pods in ((old, new), (new, old))]
    assert [finding and finding.reason for finding in findings] == ["CrashLoopBackOff"] * 2


def test_missing_secrets_are_told_together_not_by_turns() -> None:
    pod = some_worker(1, CREATING)
    mounts = [
        some_event(pod.metadata, "FailedMount", f'MountVolume.SetUp failed: secret "{name}" not found', at)
        for name, at in (("pets-catdog", later(1)), ("my-ca", later(60)), ("pets-catdog", later(61)))
    ]
    late = some_event(pod.metadata, "FailedMount", "timed out waiting for the condition", later(62))
    for events in (mounts[:2], mounts, [*mounts, late]):
        assert find_pod_trouble([pod], some_observed(events=tuple(events))) == no(
            "SecretNotFound",
            "pod pets-inference-1 waits for Secret my-ca and Secret pets-catdog, which are not there; "
            "create them",
        )


def trainer_told(*told: tuple[str, datetime]) -> Finding | None:
    """Return what is said of a trainer on a bucket of whose mounts this was told, the newest last."""
    model = some_model(some_bucket())
    pod = some_training_pod(some_job(model), ContainerState(waiting=CREATING), phase="Pending")
    events = tuple(
        some_event(pod.metadata, "FailedMount", f"MountVolume.SetUp failed for volume {words}", time)
        for words, time in told
    )
    return find_pod_trouble([pod], some_observed(model, events=events))


@pytest.mark.parametrize(
    ("secret", "fields"),
    [
        ("photos-s3", "spec.training.dataset.s3.credentialsSecret"),
        ("rgw-ca", "spec.training.dataset.s3.caSecret"),
    ],
)
def test_a_secret_of_the_bucket_that_is_not_there_is_told_with_its_field(secret: str, fields: str) -> None:
    assert trainer_told((f'"s3" : secret "{secret}" not found', NOW)) == no(
        "SecretNotFound",
        (
            f"pod {TRAINER} waits for Secret {secret}, which is not there; create it, or name another in "
            f"{fields}"
        ),
    )


def test_a_key_that_a_secret_of_the_bucket_lacks_is_told_with_its_field() -> None:
    gone = ('"s3-credentials" : secret "photos-s3" not found', NOW)
    key = '"s3-credentials" : references non-existent secret key: AWS_ACCESS_KEY_ID'
    expected = no(
        "SecretKeyNotFound",
        (
            f"pod {TRAINER} waits for key AWS_ACCESS_KEY_ID of the Secret that "
            "spec.training.dataset.s3.credentialsSecret names, which is not there; add it, or name another"
        ),
    )
    assert trainer_told((key, NOW)) == expected
    assert trainer_told(gone, (key, later(1))) == expected
    again = trainer_told((key, NOW), (gone[0], later(200)))
    assert again is not None
    assert again.reason == "SecretNotFound"


def test_a_secret_that_is_told_of_no_more_is_there() -> None:
    pod = some_worker(1, CREATING)
    events = tuple(
        some_event(pod.metadata, "FailedMount", f'secret "{name}" not found', at)
        for name, at in (("my-ca", NOW), ("pets-catdog", later(200)))
    )
    found = find_pod_trouble([pod], some_observed(events=events))
    assert found is not None
    assert "my-ca" not in found.message


def test_a_failure_that_only_events_tell_of_reads_the_same_at_each_attempt() -> None:
    pod = some_worker(1, CREATING)
    found = set()
    for sandbox in ("0123456789abcdef", "fedcba9876543210"):
        message = f'failed to setup network for sandbox "{sandbox}": no addresses'
        events = (some_event(pod.metadata, "FailedCreatePodSandBox", message),)
        found.add(find_pod_trouble([pod], some_observed(events=events)))
    told = 'pod pets-inference-1: failed to setup network for sandbox "…": no addresses'
    assert found == {no("FailedCreatePodSandBox", told)}


def test_a_quota_against_a_jobs_pod_reads_the_same_at_each_attempt_and_is_over_when_a_pod_is_there() -> None:
    model = some_model()
    job = some_job(model, uid="job-1")
    for name in ("abcde", "fghij"):
        event = some_event(
            job.metadata, "FailedCreate", f'Error creating: pods "pets-train-{name}" is forbidden: {QUOTA}'
        )
        observed = some_observed(model, jobs=(job,), events=(event,))
        assert condition(observed, "Trained") == (
            "False",
            "QuotaExceeded",
            (
                f"the pod of Job pets-train-572360246d is refused: {QUOTA}; "
                "make room in the quota, or have it raised"
            ),
        )
    there = some_observed(model, jobs=(job,), training_pods=(some_training_pod(job),), events=(event,))
    assert condition(there, "Trained")[1] == "Training"


def test_a_refusal_of_a_workers_pod_is_told_while_others_answer() -> None:
    model = some_model(status=ModelStatus(versions=(V1,)), inference={"replicas": 2})
    deployment = some_deployment(1, replicas=2, ready=1)
    denial = "ValidatingAdmissionPolicy 'no-workers' with binding 'b' denied request: not here"
    failure = Condition("ReplicaFailure", "True", "FailedCreate", f'pods "x-1" is forbidden: {denial}')
    status = type(deployment.status)(1, 1, 1, 1, (failure,))
    deployment = type(deployment)(deployment.metadata, deployment.spec, status)
    observed = some_observed(model, deployment=deployment, inference_pods=(some_worker(1),))
    message = (
        f"a pod of Deployment pets-inference is refused: {denial}; "
        "change spec.inference.pod, or the rule that refuses it"
    )
    assert condition(observed, "Serving") == ("True", "AdmissionRefused", f"1 pod answers, but {message}")
    assert condition(observed, "Ready")[:2] == ("False", "AdmissionRefused")


@pytest.mark.parametrize(
    ("message", "reason", "advice"),
    [
        (f'persistentvolumeclaims "x" is forbidden: {QUOTA}', "QuotaExceeded", "make room in the quota, or"),
        (
            (
                'deployments.apps "x" is forbidden: User "system:serviceaccount:a:b" cannot patch resource '
                '"deployments" in API group "apps" in the namespace "kafka"'
            ),
            "Forbidden",
            "give the operator its rights back: apply its manifests again",
        ),
        (
            'admission webhook "x" denied the request: no',
            "AdmissionRefused",
            "change the rule that refuses it",
        ),
        ('pods "x" is forbidden: violates PodSecurity "restricted:latest"', "AdmissionRefused", "change the"),
        ('jobs.batch "x" already exists', "Refused", "it is tried again"),
    ],
)
def test_a_refusal_says_whose_it_is(message: str, reason: str, advice: str) -> None:
    finding = explain_refusal("Deployment x", message)
    assert (finding.status, finding.reason) == ("False", reason)
    assert finding.message.startswith("Deployment x is refused: ")
    assert f"; {advice}" in finding.message


def test_events_are_read_of_claims_without_a_volume_after_a_moment() -> None:
    claim = some_claim("pets-models", "Pending")
    claim = type(claim)(type(claim.metadata)("c", creation_timestamp=NOW), claim.spec, claim.status)
    assert find_stuck((), (), (claim,), later(4)) == ()
    assert find_stuck((), (), (claim,), later(5)) == (claim.metadata,)
    assert find_stuck((), (), (some_claim("pets-models"),), later(5)) == ()


def test_a_missing_worker_is_looked_at_again_until_it_is_there() -> None:
    observed = some_observed(SERVING, deployment=some_deployment(1, ready=0))
    assert plan(observed).look_again == 10
