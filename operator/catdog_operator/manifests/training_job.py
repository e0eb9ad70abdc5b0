"""The Job that sees to it that a version of the present settings is on the claim."""

import msgspec

from catdog_common.training import EXIT_DATA
from catdog_operator.manifests.common import Manifest, build_labels, build_owner
from catdog_operator.manifests.pod import STORAGE_DIR, Container, build_pod_spec, claim_volume, mount
from catdog_operator.observed import Surroundings
from catdog_operator.resolve import Resolved
from catdog_operator.resource import CatDogModel, Pod, short_digest
from catdog_operator.views import ATTEMPT_ANNOTATION, HASH_LABEL, POD_SETTINGS_ANNOTATION

DATA_DIR = "/data"
BACKOFF_LIMIT = 3
RESOURCES: Manifest = {
    "requests": {"cpu": "100m", "memory": "1Gi"},
    "limits": {"memory": "3Gi"},
}


def build_training_job(
    model: CatDogModel, resolved: Resolved, surroundings: Surroundings, *, attempt: int, near: str | None
) -> Manifest:
    """Return the Job that trains the present settings, for the `attempt`-th time."""
    labels = build_labels(model, "training") | {HASH_LABEL: resolved.hash}
    pod = build_pod_spec(
        _build_trainer(model, resolved, surroundings.images.trainer),
        model.spec.training.pod,
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
            "annotations": {
                ATTEMPT_ANNOTATION: str(attempt),
                POD_SETTINGS_ANNOTATION: pod_settings_digest(model.spec.training.pod),
            },
            "ownerReferences": [build_owner(model)],
        },
        "spec": {
            "backoffLimit": BACKOFF_LIMIT,
            "podReplacementPolicy": "Failed",  # never two trainers on one claim
            "podFailurePolicy": {"rules": [_fail_on_data()]},
            "template": {"metadata": {"labels": labels}, "spec": pod | {"restartPolicy": "Never"}},
        },
    }


def pod_settings_digest(pod: Pod) -> str:
    """Return what tells whether a Job was made with these settings of its pod."""
    return short_digest(pod)


def _fail_on_data() -> Manifest:
    # A second pod would find the same data: the operator waits and tries the whole Job again.
    return {
        "action": "FailJob",
        "onExitCodes": {"containerName": "trainer", "operator": "In", "values": [EXIT_DATA]},
    }


def _build_trainer(model: CatDogModel, resolved: Resolved, image: str) -> Container:
    mounts, volumes = [mount("models", STORAGE_DIR)], [claim_volume("models", resolved.claim_name)]
    if (dataset := model.spec.training.dataset.persistent_volume_claim) is not None:
        mounts.append(mount("data", DATA_DIR, read_only=True))
        volumes.append(claim_volume("data", dataset.claim_name, read_only=True))
    return Container(
        name="trainer",
        image=image,
        environment=build_trainer_environment(model, resolved),
        resources=RESOURCES,
        tmp_size="1Gi",
        mounts=tuple(mounts),
        volumes=tuple(volumes),
    )


def build_trainer_environment(model: CatDogModel, resolved: Resolved) -> dict[str, str]:
    """Return the trainer's configuration."""
    training = resolved.training
    return {
        "CATDOG_MODEL_NAME": model.name,
        "CATDOG_TRAINING_HASH": resolved.hash,
        "CATDOG_STORAGE_DIR": STORAGE_DIR,
        **_dataset_environment(model),
        "CATDOG_ARCHITECTURE": training.architecture,
        "CATDOG_EPOCHS": str(training.epochs),
        "CATDOG_BATCH_SIZE": str(training.batch_size),
        "CATDOG_LEARNING_RATE": msgspec.json.encode(training.learning_rate).decode(),
        "CATDOG_SEED": str(training.seed),
    }


def _dataset_environment(model: CatDogModel) -> dict[str, str]:
    if (dataset := model.spec.training.dataset.persistent_volume_claim) is None:
        return {"CATDOG_DATASET": "sample"}
    path = dataset.path.strip("/")
    return {
        "CATDOG_DATASET": "directory",
        "CATDOG_DATASET_DIR": f"{DATA_DIR}/{path}" if path else DATA_DIR,
    }
