"""The Job that sees to it that a version of the present settings is on the claim."""

import msgspec

from catdog_common.training import EXIT_DATA
from catdog_operator.manifests.common import Manifest, build_labels, build_owner, without_empty
from catdog_operator.manifests.kafka_login import Connection, build_login_environment, build_login_volumes
from catdog_operator.manifests.pod import (
    HTTP_PORT,
    STORAGE_DIR,
    Container,
    build_pod_spec,
    claim_volume,
    mount,
    secret_volume,
)
from catdog_operator.observed import Surroundings
from catdog_operator.resolve import Resolved
from catdog_operator.resource import CatDogModel, S3Dataset, TopicDataset, Training, short_digest
from catdog_operator.views import (
    ATTEMPT_ANNOTATION,
    HASH_LABEL,
    POD_SETTINGS_ANNOTATION,
    PRUNES_ANNOTATION,
    TRAINER,
)

DATA_DIR = "/data"
S3_CREDENTIALS_DIR, S3_CA_DIR = "/var/run/catdog/s3-credentials", "/var/run/catdog/s3-ca"
S3_CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")  # keys, as an ObjectBucketClaim's Secret has
MAX_IMAGES = 20_000  # records of a topic, by default
SPOOL_GIBIBYTES = 8  # of photos out of a topic, on the trainer's own scratch space
# The schema's defaults: a Job that was made before one could set them is as good as one made with them.
DEFAULTS = {"backoffLimit": 3, "activeDeadlineSeconds": 86400}
RESOURCES: Manifest = {
    "requests": {"cpu": "100m", "memory": "1Gi"},
    "limits": {"memory": "3Gi"},
}


class Task(msgspec.Struct, frozen=True):
    """What a training is to do besides training: the `attempt`-th one with these settings."""

    attempt: int = 1
    champion: int | None = None  # the version to compare with, which serves now
    prunes: tuple[int, ...] = ()  # versions to remove from the claim


def build_training_job(
    model: CatDogModel,
    resolved: Resolved,
    surroundings: Surroundings,
    task: Task,
    *,
    connection: Connection | None,
    near: str | None,
) -> Manifest:
    """Return the Job that trains the present settings; `connection` leads to photos in a topic."""
    labels, training = build_labels(model, "training") | {HASH_LABEL: resolved.hash}, model.spec.training
    pod = build_pod_spec(
        _build_trainer(model, resolved, surroundings.images.trainer, task, connection),
        training.pod,
        openshift=surroundings.openshift,
        near=near,
    )
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": resolved.job_name,
            "namespace": model.namespace,
            "labels": labels,
            "annotations": without_empty(
                {
                    ATTEMPT_ANNOTATION: str(task.attempt),
                    POD_SETTINGS_ANNOTATION: job_settings_digest(training, connection),
                    PRUNES_ANNOTATION: _listed(task.prunes),
                }
            ),
            "ownerReferences": [build_owner(model)],
        },
        "spec": {
            "backoffLimit": training.backoff_limit,
            "activeDeadlineSeconds": training.active_deadline_seconds,
            "podReplacementPolicy": "Failed",  # never two trainers on one claim
            "podFailurePolicy": {"rules": [_fail_on_data(), _pass_over_evictions()]},
            "template": {"metadata": {"labels": labels}, "spec": pod | {"restartPolicy": "Never"}},
        },
    }


def job_settings_digest(training: Training, connection: Connection | None = None) -> str:
    """Return what tells whether a Job was made with these settings, as far as they shape no model."""
    limits = {
        "backoffLimit": training.backoff_limit,
        "activeDeadlineSeconds": training.active_deadline_seconds,
    }
    chosen: Manifest = {name: value for name, value in limits.items() if value != DEFAULTS[name]}
    if (s3 := training.dataset.s3) is not None:
        chosen["s3"] = msgspec.to_builtins(s3)
    if training.dataset.kafka is not None:
        chosen["kafka"] = msgspec.to_builtins(connection)
    return short_digest(msgspec.to_builtins(training.pod) | chosen)


def _fail_on_data() -> Manifest:
    # A second pod would find the same data: the operator waits and tries the whole Job again.
    return {
        "action": "FailJob",
        "onExitCodes": {"containerName": TRAINER, "operator": "In", "values": [EXIT_DATA]},
    }


def _pass_over_evictions() -> Manifest:
    # A pod that a drain, a preemption or the node's pressure ended is nobody's failure: it goes on elsewhere.
    return {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}


def _build_trainer(
    model: CatDogModel, resolved: Resolved, image: str, task: Task, connection: Connection | None
) -> Container:
    mounts, volumes = [mount("models", STORAGE_DIR)], [claim_volume("models", resolved.claim_name)]
    if (dataset := model.spec.training.dataset.persistent_volume_claim) is not None:
        mounts.append(mount("data", DATA_DIR, read_only=True))
        volumes.append(claim_volume("data", dataset.claim_name, read_only=True))
    topic = model.spec.training.dataset.kafka
    if (s3 := model.spec.training.dataset.s3) is not None:
        secrets = _s3_secrets(s3)
    elif topic is not None and connection is not None:
        secrets = build_login_volumes(connection)
    else:
        secrets = []
    for name, path, volume in secrets:
        mounts.append(mount(name, path, read_only=True))
        volumes.append(volume)
    return Container(
        name=TRAINER,
        image=image,
        environment=build_trainer_environment(model, resolved, task, connection),
        resources=RESOURCES,
        tmp_size="1Gi" if topic is None else f"{1 + SPOOL_GIBIBYTES}Gi",
        mounts=tuple(mounts),
        volumes=tuple(volumes),
        extra={"ports": [{"name": "http", "containerPort": HTTP_PORT, "protocol": "TCP"}]},
    )


def build_trainer_environment(
    model: CatDogModel, resolved: Resolved, task: Task, connection: Connection | None = None
) -> dict[str, str]:
    """Return the trainer's configuration."""
    training = resolved.training
    patience = training.early_stopping_patience
    stopping = {"CATDOG_EARLY_STOPPING_PATIENCE": str(patience)} if patience else {}
    tuning = {"CATDOG_FINE_TUNE": "true"} if training.fine_tune else {}
    augmenting = {"CATDOG_AUGMENT": "true"} if training.augment else {}
    champion = {"CATDOG_CHAMPION_VERSION": str(task.champion)} if task.champion is not None else {}
    prunes = {"CATDOG_PRUNE_VERSIONS": _listed(task.prunes)} if task.prunes else {}
    return {
        "CATDOG_MODEL_NAME": model.name,
        "CATDOG_TRAINING_HASH": resolved.hash,
        "CATDOG_STORAGE_DIR": STORAGE_DIR,
        **_dataset_environment(model, connection),
        "CATDOG_ARCHITECTURE": training.architecture,
        "CATDOG_EPOCHS": str(training.epochs),
        "CATDOG_BATCH_SIZE": str(training.batch_size),
        "CATDOG_LEARNING_RATE": msgspec.json.encode(training.learning_rate).decode(),
        "CATDOG_SEED": str(training.seed),
        "CATDOG_HTTP_PORT": str(HTTP_PORT),
        **stopping,
        **tuning,
        **augmenting,
        **champion,
        **prunes,
    }


def _listed(versions: tuple[int, ...]) -> str:
    return ",".join(str(version) for version in versions)


def _s3_secrets(s3: S3Dataset) -> list[tuple[str, str, Manifest]]:
    """Return name, mount path and volume of the Secrets: of each, only the keys that are needed."""
    name, credentials = "s3-credentials", s3.credentials_secret.name
    secrets = [(name, S3_CREDENTIALS_DIR, secret_volume(name, credentials, S3_CREDENTIALS))]
    if (ca := s3.ca_secret) is not None:
        secrets.append(("s3-ca", S3_CA_DIR, secret_volume("s3-ca", ca.name, [ca.key])))
    return secrets


def _s3_environment(s3: S3Dataset) -> dict[str, str]:
    region = {"CATDOG_S3_REGION": s3.region} if s3.region else {}
    ca = {"CATDOG_S3_CA_FILE": f"{S3_CA_DIR}/{s3.ca_secret.key}"} if s3.ca_secret else {}
    return {
        "CATDOG_DATASET": "s3",
        "CATDOG_S3_ENDPOINT": s3.endpoint,
        "CATDOG_S3_BUCKET": s3.bucket,
        "CATDOG_S3_PREFIX": s3.prefix,
        "CATDOG_S3_CREDENTIALS_DIR": S3_CREDENTIALS_DIR,
        **region,
        **ca,
    }


def _topic_environment(topic: TopicDataset, connection: Connection | None) -> dict[str, str]:
    return {
        "CATDOG_DATASET": "kafka",
        "CATDOG_KAFKA_TOPIC": topic.topic,
        **_records_environment(topic),
        "CATDOG_KAFKA_SPOOL_BYTES": str(SPOOL_GIBIBYTES * 2**30),
        **(build_login_environment(connection) if connection is not None else {}),
    }


def _records_environment(topic: TopicDataset) -> dict[str, str]:
    if not topic.offsets:
        return {"CATDOG_KAFKA_MAX_IMAGES": str(topic.max_images or MAX_IMAGES)}
    ranges = (f"{each.partition}:{each.start}-{each.end}" for each in topic.ordered.offsets)
    return {"CATDOG_KAFKA_OFFSETS": ",".join(ranges)}


def _dataset_environment(model: CatDogModel, connection: Connection | None) -> dict[str, str]:
    if (topic := model.spec.training.dataset.kafka) is not None:
        return _topic_environment(topic, connection)
    if (s3 := model.spec.training.dataset.s3) is not None:
        return _s3_environment(s3)
    if (dataset := model.spec.training.dataset.persistent_volume_claim) is None:
        return {"CATDOG_DATASET": "sample"}
    path = dataset.path.strip("/")
    return {
        "CATDOG_DATASET": "directory",
        "CATDOG_DATASET_DIR": f"{DATA_DIR}/{path}" if path else DATA_DIR,
    }
