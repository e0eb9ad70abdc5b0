"""Rules on training Jobs: when one is wanted, when it goes, and what its end means."""

from datetime import datetime, timedelta

import msgspec

from catdog_common.training import EXIT_DATA
from catdog_operator.manifests.common import Manifest
from catdog_operator.manifests.training_job import Task, build_training_job, job_settings_digest
from catdog_operator.observed import Observed
from catdog_operator.plan.failure import describe_crash, last_disruption, last_end, read_failure
from catdog_operator.plan.finding import Finding, no, yes
from catdog_operator.plan.gate import describe_accuracy
from catdog_operator.plan.kafka import KafkaPlan
from catdog_operator.plan.pod_trouble import find_job_trouble, find_pod_trouble
from catdog_operator.plan.promotion import version_in_place
from catdog_operator.plan.storage import drawn_to, find_leaving_claim
from catdog_operator.plan.versions import finished_at, is_on_the_claim, version_of_hash, versions_to_prune
from catdog_operator.resolve import Resolved
from catdog_operator.status_fields import Failure, Version
from catdog_operator.views import Job, Pod

PROGRESS_SECONDS = 10.0  # between two looks at the trainer's log
RESULT_SECONDS = 10  # that a pod's end may reach us later than its Job's
ATTEMPTS_TO_READ_A_RESULT = 2


class TrainingPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What is to become of Jobs; `job` is the one that trains now, `failure` that of the present settings."""

    finding: Finding
    create: Manifest | None = None
    delete: tuple[Job, ...] = ()
    job: Job | None = None
    failure: Failure | None = None
    active: bool = False  # a Job trains, or soon will
    look_again: float | None = None


def plan_training(
    observed: Observed, resolved: Resolved, versions: tuple[Version, ...], kafka: KafkaPlan
) -> TrainingPlan:
    """Return what to do so that a version of the present settings comes to be known."""
    planned = _plan_version(observed, resolved, versions, kafka)
    if find_leaving_claim(observed) is None or observed.model.spec.inference.replicas > 0:
        return planned
    # A claim stays as long as there are pods that name it, those that have ended too.
    kept = (job for job in observed.jobs if not job.leaving and job not in planned.delete)
    ended = (job for job in kept if job.complete or job.failed is not None)
    return msgspec.structs.replace(planned, delete=(*planned.delete, *ended))


def _plan_version(
    observed: Observed, resolved: Resolved, versions: tuple[Version, ...], kafka: KafkaPlan
) -> TrainingPlan:
    others = tuple(job for job in observed.jobs if job.hash != resolved.hash and not job.leaving)
    if (version := version_of_hash(versions, resolved.hash)) is not None:
        return _trained(version, others)
    present = next((job for job in observed.jobs if job.hash == resolved.hash), None)
    if present is not None and not present.leaving:
        return _plan_present(observed, resolved, present, others, kafka)
    if observed.jobs:
        return _await_departure(observed.jobs, others)
    return _plan_new(observed, resolved, versions, kafka)


def _trained(version: Version, others: tuple[Job, ...]) -> TrainingPlan:
    message = f"version {version.version} was trained from these settings; {describe_accuracy(version)}"
    return TrainingPlan(finding=yes("Trained", message), delete=others)


def _await_departure(jobs: tuple[Job, ...], others: tuple[Job, ...]) -> TrainingPlan:
    name = jobs[0].metadata.name
    message = f"Job {name} is being removed; the next one starts when its pod is gone"
    return TrainingPlan(finding=no("Replacing", message), delete=others, active=True)


def _plan_new(
    observed: Observed, resolved: Resolved, versions: tuple[Version, ...], kafka: KafkaPlan
) -> TrainingPlan:
    obstacle = (
        find_missing_claim(observed, resolved)
        or find_leaving_claim(observed)
        or _find_missing_kafka(observed, kafka)
    )
    if obstacle is not None:
        return TrainingPlan(finding=obstacle)
    job = build_training_job(
        observed.model,
        resolved,
        observed.surroundings,
        _plan_task(observed, resolved, versions),
        connection=kafka.connection,
        near=drawn_to(observed, resolved),
    )
    return TrainingPlan(
        finding=_training(resolved.job_name), create=job, active=True, look_again=PROGRESS_SECONDS
    )


def _plan_task(observed: Observed, resolved: Resolved, versions: tuple[Version, ...]) -> Task:
    spec, status = observed.model.spec, observed.model.status
    champion = version_in_place(observed)
    served = status.inference.served_version if status.inference else None
    protected = frozenset((champion, served, spec.inference.model_version, spec.inference.shadow_version))
    last = status.last_failure
    return Task(
        attempt=last.attempts + 1 if last and last.hash == resolved.hash else 1,
        champion=champion,
        prunes=versions_to_prune(versions, spec.storage.keep_versions, protected),
    )


def find_missing_claim(observed: Observed, resolved: Resolved) -> Finding | None:
    """Return what is to be said where a claim that the user has to make is not there."""
    namespace = observed.model.namespace
    if resolved.claim is None and observed.claim is None:
        return no(
            "ClaimNotFound",
            f"PersistentVolumeClaim {resolved.claim_name} is not in namespace {namespace}; create it",
        )
    dataset = observed.model.spec.training.dataset.persistent_volume_claim
    if dataset is not None and observed.dataset_claim is None:
        return no(
            "DatasetClaimNotFound",
            f"PersistentVolumeClaim {dataset.claim_name} is not in namespace {namespace}; "
            "create it or name another in spec.training.dataset.persistentVolumeClaim.claimName",
        )
    return None


def _find_missing_kafka(observed: Observed, kafka: KafkaPlan) -> Finding | None:
    """Return what is to be said where photos are in a topic and Kafka cannot be used yet."""
    if observed.model.spec.training.dataset.kafka is None:
        return None
    if kafka.connection is not None and kafka.finding.status == "True":
        return None
    return no("WaitingForKafka", "the photos are in a topic: KafkaReady says what Kafka lacks")


def _plan_present(
    observed: Observed,
    resolved: Resolved,
    job: Job,
    others: tuple[Job, ...],
    kafka: KafkaPlan,
) -> TrainingPlan:
    name = job.metadata.name
    if _is_outdated(job, observed, kafka):
        return TrainingPlan(
            finding=no(
                "Replacing", f"Job {name} is replaced by one with the present settings of pod and limits"
            ),
            delete=(*others, job),
            active=True,
        )
    if job.complete and not is_on_the_claim(job, observed):
        message = f"Job {name} is replaced: the claim that its version was on is gone"
        return TrainingPlan(finding=no("Replacing", message), delete=(*others, job), active=True)
    if job.complete:
        return _plan_without_result(observed, job, others)
    if job.failed is not None:
        return _plan_after_failure(observed, job, others)
    pods = _pods_of(job, observed)
    trouble = (
        find_missing_claim(observed, resolved)
        or find_job_trouble(job, observed)
        or find_pod_trouble([pod for pod in pods if not pod.container.state.terminated], observed)
    )
    if trouble and trouble.reason == "ImagePullBackOff" and job.image != observed.surroundings.images.trainer:
        message = f"Job {name} is replaced by one with the operator's present image: {trouble.message}"
        return TrainingPlan(finding=no("Replacing", message), delete=(*others, job), active=True)
    return TrainingPlan(
        finding=trouble or _training(name, pods),
        delete=others,
        job=job,
        active=True,
        look_again=PROGRESS_SECONDS,
    )


def _is_outdated(job: Job, observed: Observed, kafka: KafkaPlan) -> bool:
    training = observed.model.spec.training
    # While Kafka is not ready, what is known of the way there is not all of it: a login may be missing.
    if job.complete or (training.dataset.kafka and kafka.finding.status != "True"):
        return False
    return not job.is_made_with(job_settings_digest(training, kafka.connection))


def _plan_after_failure(observed: Observed, job: Job, others: tuple[Job, ...]) -> TrainingPlan:
    failure = read_failure(job, _pods_of(job, observed), observed)
    finding = no(failure.reason, failure.message)
    if failure.next_attempt_time is None:
        return TrainingPlan(finding=finding, delete=others, failure=failure)
    if (wait := _seconds_until(failure.next_attempt_time, observed.now)) > 0:
        return TrainingPlan(finding=finding, delete=others, failure=failure, look_again=wait)
    return TrainingPlan(finding=finding, delete=(*others, job), failure=failure)


def _plan_without_result(observed: Observed, job: Job, others: tuple[Job, ...]) -> TrainingPlan:
    """Return what to do with a Job that is complete and whose result is not to be read, or not yet."""
    name, completed = job.metadata.name, job.status.completion_time or observed.now
    wait = _seconds_until(completed + timedelta(seconds=RESULT_SECONDS), observed.now)
    if wait > 0:
        finding = no("ReadingResult", f"Job {name} is complete; its result is being read")
        return TrainingPlan(finding=finding, delete=others, active=True, look_again=wait)
    if job.attempt < ATTEMPTS_TO_READ_A_RESULT:
        finding = no("Replacing", f"Job {name} is complete without a result to be read; it runs again")
        return TrainingPlan(finding=finding, delete=(*others, job), failure=_unreadable(job, completed))
    message = f"Job {name} is complete without a result to be read; see its log, delete it to try again"
    return TrainingPlan(finding=no("ResultUnreadable", message), delete=others)


def _unreadable(job: Job, time: datetime) -> Failure:
    return Failure(
        hash=job.hash,
        reason="ResultUnreadable",
        message=f"Job {job.metadata.name} was complete without a result to be read",
        time=time,
        attempts=job.attempt,
    )


def _pods_of(job: Job, observed: Observed) -> tuple[Pod, ...]:
    pods = [pod for pod in observed.training_pods if pod.is_of(job)]
    return tuple(sorted(pods, key=finished_at))


def _training(job_name: str, pods: tuple[Pod, ...] = ()) -> Finding:
    message = f"Job {job_name} is training these settings"
    if (end := last_end(pods)) is None or end.exit_code in (0, EXIT_DATA):  # its Job is about to end as well
        return no("Training", message)
    if (taken := last_disruption(pods)) is not None:
        return no("Training", f"{message}, again after {taken.reason}: {taken.message}")
    reason, cause = describe_crash(end)
    return no("Training", f"{message}, again after {reason}: {cause}")


def _seconds_until(moment: datetime, now: datetime) -> float:
    return (moment - now).total_seconds()
