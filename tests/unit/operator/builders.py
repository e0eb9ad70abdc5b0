"""Builds what the operator observes, so that a test says only what it is about."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from catdog_common.training import Progress, TrainingFailure, TrainingResult, VersionSummary
from catdog_operator import strimzi_views as strimzi
from catdog_operator import views as seen
from catdog_operator.manifests.kafka_login import Connection
from catdog_operator.manifests.training_job import job_settings_digest
from catdog_operator.observed import Images, Observed, Retry, Surroundings
from catdog_operator.plan import Plan, plan
from catdog_operator.plan.finding import Finding
from catdog_operator.resolve import resolve
from catdog_operator.resource import CatDogModel, TrustedCertificates, parse_model
from catdog_operator.status import build_status
from catdog_operator.status_fields import ModelStatus
from tests.crd import model_schema, with_defaults

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
SCHEMA = model_schema()
IMAGES = Images(trainer="catdog-trainer:1", inference="catdog-inference:1")
TOPICS = ("pets-images", "pets-predictions", "pets-dead-letters")
RETRY = Retry(first=60, longest=1800)
READY = seen.Condition("Ready", "True")


def some_model(
    training: dict[str, Any] | None = None, status: ModelStatus | None = None, **spec: object
) -> CatDogModel:
    """Return the smallest model, as the API server stores it, with these fields over it."""
    body = {
        "metadata": {"name": "pets", "namespace": "kafka", "uid": "model-1", "generation": 3},
        "spec": {
            "training": {"dataset": {"sample": {}}} | (training or {}),
            "kafka": {"strimzi": {"name": "my-cluster"}},
        }
        | spec,
        "status": msgspec.to_builtins(status or ModelStatus()),
    }
    return parse_model(with_defaults(body, SCHEMA))


def some_bucket(**s3: object) -> dict[str, Any]:
    """Return the training on photos in a bucket, with these fields over it."""
    plain = {
        "endpoint": "https://rgw.example",
        "bucket": "photos",
        "prefix": "data/",
        "credentialsSecret": {"name": "photos-s3"},
        "caSecret": {"name": "rgw-ca", "key": "ca.crt"},
    }
    return {"dataset": {"s3": plain | s3}}


def some_training_topic(**kafka: object) -> dict[str, Any]:
    """Return the training on photos in a topic, with these fields over it."""
    return {"dataset": {"kafka": {"topic": "labelled"} | kafka}}


def some_observed(model: CatDogModel | None = None, **fields: object) -> Observed:
    """Return a cluster that has all that a model needs but its training and its Deployment."""
    ready = Observed(
        model=model or some_model(),
        surroundings=Surroundings(IMAGES, openshift=False, retry=RETRY, parallel_rollouts=2),
        now=NOW,
        claim=some_claim("pets-models"),
        kafka=some_kafka(),
        topics={name: some_topic(name) for name in TOPICS},
        user=some_user(),
    )
    return msgspec.structs.replace(ready, **fields)


def some_claim(name: str, phase: str = "Bound", mode: str = "ReadWriteOnce") -> seen.PersistentVolumeClaim:
    """Return a claim."""
    return seen.PersistentVolumeClaim(
        seen.Metadata(name=name, uid=f"claim-{name}"),
        seen.ClaimSpec(access_modes=(mode,)),
        seen.ClaimStatus(phase),
    )


def some_kafka(**addresses: str) -> strimzi.KafkaCluster:
    """Return a Kafka with these listeners, by default the one that models connect to."""
    listeners = addresses or {"tls": "my-cluster-kafka-bootstrap.kafka.svc:9093"}
    status = strimzi.KafkaClusterStatus(
        listeners=tuple(strimzi.Listener(name, address) for name, address in listeners.items())
    )
    return strimzi.KafkaCluster(seen.Metadata(name="my-cluster"), status=status)


def some_connection() -> Connection:
    """Return the way to that Kafka."""
    trusted = TrustedCertificates("my-cluster-cluster-ca-cert", pattern="*.crt")
    return Connection("kafka/my-cluster", "kafka:9093", "pets-catdog", (trusted,))


def some_topic(
    name: str, condition: seen.Condition = READY, labels: dict[str, str] | None = None
) -> strimzi.KafkaTopic:
    """Return a topic that the operator made, or with labels one of somebody else."""
    ours = {"app.kubernetes.io/managed-by": "catdog-operator", "catdog.dev/model": "pets"}
    return strimzi.KafkaTopic(
        seen.Metadata(name=name, labels=labels or ours), status=strimzi.StrimziStatus(conditions=(condition,))
    )


def some_user(condition: seen.Condition = READY) -> strimzi.KafkaUser:
    """Return the model's user; its Secret is told as long as it is ready."""
    secret = "pets-catdog" if condition == READY else None
    status = strimzi.StrimziStatus(conditions=(condition,), secret=secret)
    return strimzi.KafkaUser(seen.Metadata(name="pets-catdog"), status)


def some_job(
    model: CatDogModel,
    end: str | None = None,
    attempt: int = 1,
    ended: datetime = NOW,
    reason: str = "Why",
    **metadata: object,
) -> seen.Job:
    """Return the Job that trains a model's present settings, by `end` Complete, Failed or running."""
    resolved = resolve(model)
    conditions = (seen.Condition(end, "True", reason, "because", ended),) if end else ()
    plain = seen.Metadata(
        name=resolved.job_name,
        uid=f"job-{resolved.hash}",
        labels={seen.HASH_LABEL: resolved.hash},
        annotations={
            seen.ATTEMPT_ANNOTATION: str(attempt),
            seen.POD_SETTINGS_ANNOTATION: job_settings_digest(some_model().spec.training),
        },
    )
    return seen.Job(
        msgspec.structs.replace(plain, **metadata),
        seen.JobStatus(conditions, ended if end == "Complete" else None),
        seen.JobSpec({"spec": {"containers": [{"image": IMAGES.trainer}]}}),
    )


def some_training_pod(job: seen.Job, state: seen.ContainerState | None = None, **status: object) -> seen.Pod:
    """Return a pod of a Job."""
    component = {"app.kubernetes.io/component": "training"}
    labels = job.metadata.labels | {seen.JOB_UID_LABEL: job.metadata.uid} | component
    container = seen.ContainerStatus(state=state or seen.ContainerState(running={}), image="catdog-trainer:1")
    return seen.Pod(
        seen.Metadata(name=f"{job.metadata.name}-x", labels=labels),
        msgspec.structs.replace(seen.PodStatus(container_statuses=(container,)), **status),
    )


def ended(exit_code: int, message: str = "", reason: str = "", at: datetime = NOW) -> seen.ContainerState:
    """Return the state of a container that has ended."""
    return seen.ContainerState(terminated=seen.Terminated(exit_code, reason, message, at))


def data_failure(
    reason: str = "DataNotFound", message: str = "there are no photos", *, permanent: bool = False
) -> seen.ContainerState:
    """Return the end of a trainer that found the data at fault."""
    return ended(65, msgspec.json.encode(TrainingFailure(reason, message, permanent)).decode())


def some_result(version: int, training_hash: str, *older: tuple[int, str]) -> str:
    """Return the message of a training that gave `version`, with `older` ones beside it on the claim."""
    inventory = [(version, training_hash), *older]
    result = TrainingResult(
        version=version,
        hash=training_hash,
        already_present=False,
        accuracy=0.9 + version / 100,
        photos=940,
        training_photos=3000,
        unreadable_photos=0,
        dataset_digest="sha256:aa",
        digest="sha256:bb",
        trained_at="2026-03-01T11:59:00Z",
        versions=tuple(
            VersionSummary(number, each, 0.9 + number / 100, 940, "2026-03-01T11:59:00Z")
            for number, each in inventory
        ),
    )
    return msgspec.json.encode(result).decode()


def some_deployment(
    version: int, replicas: int = 1, ready: int | None = None, **status: int
) -> seen.Deployment:
    """Return a Deployment of `version`, by default with all replicas ready."""
    counts = {"replicas": replicas, "updated_replicas": replicas, "observed_generation": 1}
    given = {} if ready is None else {"ready_replicas": ready}
    return seen.Deployment(
        seen.Metadata(name="pets-inference", generation=1),
        seen.DeploymentSpec(
            template={"metadata": {"labels": {seen.VERSION_LABEL: str(version)}}}, replicas=replicas
        ),
        msgspec.structs.replace(seen.DeploymentStatus(ready_replicas=replicas), **(counts | given | status)),
    )


def some_worker(
    version: int,
    waiting: seen.Waiting | None = None,
    last: seen.Terminated | None = None,
    state: seen.ContainerState | None = None,
    **metadata: object,
) -> seen.Pod:
    """Return a pod of the Deployment, ready unless it waits or is in a state that the test gives."""
    container = seen.ContainerStatus(
        state=state or seen.ContainerState(waiting=waiting),
        last_state=seen.ContainerState(terminated=last),
        image="catdog-inference:1",
    )
    labels = {seen.VERSION_LABEL: str(version), "app.kubernetes.io/component": "inference"}
    name = f"pets-inference-{version}"
    plain = seen.Metadata(name=name, uid=f"uid-of-{name}", labels=labels)
    return seen.Pod(
        msgspec.structs.replace(plain, **metadata),
        seen.PodStatus(
            phase="Running" if last or not waiting else "Pending",
            conditions=() if waiting or state else (READY,),
            container_statuses=(container,),
        ),
    )


def some_event(child: seen.Metadata, reason: str, message: str, at: datetime = NOW) -> seen.Event:
    """Return a warning about a child."""
    return seen.Event(seen.Involved(child.uid), reason, message, "Warning", at)


def some_progress(epoch: int) -> Progress:
    """Return the progress of a training at some epoch."""
    return Progress(stage="Epochs", epoch=epoch, epochs=20, photos_per_second=210.0)


def status_of(observed: Observed) -> ModelStatus:
    """Return the status that the operator reports."""
    return build_status(observed, plan(observed))


def condition(observed: Observed, kind: str) -> tuple[str, str, str]:
    """Return a condition's status, reason and message."""
    [found] = [each for each in status_of(observed).conditions if each.type == kind]
    return found.status, found.reason, found.message


def told(finding: Finding) -> tuple[str, str, str]:
    """Return a finding as `condition` returns it."""
    return finding.status, finding.reason, finding.message


def wanted_names(decision: Plan) -> list[str]:
    """Return what a plan creates and applies, as kind/name."""
    return [f"{each['kind']}/{each['metadata']['name']}" for each in (*decision.create, *decision.apply)]


def later(seconds: float) -> datetime:
    """Return a moment after NOW."""
    return NOW + timedelta(seconds=seconds)


def environment_of(manifest: dict[str, Any]) -> dict[str, str]:
    """Return the environment of a Job's or Deployment's container."""
    [container] = manifest["spec"]["template"]["spec"]["containers"]
    return {each["name"]: each["value"] for each in container["env"]}
