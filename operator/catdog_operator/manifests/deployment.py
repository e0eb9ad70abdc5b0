"""The Deployment whose pods answer: one version, until the next one is ready."""

import math

import msgspec

from catdog_operator.manifests.common import Manifest, build_labels, build_owner
from catdog_operator.manifests.kafka_login import Connection, build_login_environment, build_login_volumes
from catdog_operator.manifests.pod import (
    HTTP_PORT,
    STORAGE_DIR,
    Container,
    build_pod_spec,
    claim_volume,
    mount,
)
from catdog_operator.observed import Surroundings
from catdog_operator.resolve import Resolved
from catdog_operator.resource import CatDogModel, short_digest
from catdog_operator.views import MODEL_LABEL, SETTINGS_ANNOTATION, VERSION_LABEL, WORKER

DRAIN_SECONDS = 60  # to answer what was taken, commit and leave the group
STUCK_GRACE_SECONDS = 5
_LIMIT_MEBIBYTES = 1024  # for images of up to 10 MiB, and a photo of as many pixels as are decoded
_ROOMY_IMAGE_BYTES = 10 * 1024 * 1024
# Of a record's bytes, on its way in, through and out again; measured are eleven with one broker.
_COPIES = 16


def build_deployment(
    model: CatDogModel,
    resolved: Resolved,
    surroundings: Surroundings,
    *,
    version: int,
    connection: Connection,
    near: str | None,
) -> Manifest:
    """Return the Deployment that serves `version`."""
    labels = build_labels(model, "inference")
    selector = inference_selector(model)
    environment = build_worker_environment(model, resolved, version, connection)
    pod = build_pod_spec(
        build_worker(model, resolved, surroundings.images.inference, connection, environment),
        model.spec.inference.pod,
        openshift=surroundings.openshift,
        near=near,
    )
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": resolved.deployment_name,
            "namespace": model.namespace,
            "labels": labels,
            "annotations": {
                SETTINGS_ANNOTATION: settings_digest(model, connection, openshift=surroundings.openshift)
            },
            "ownerReferences": [build_owner(model)],
        },
        "spec": {
            "replicas": model.spec.inference.replicas,
            "revisionHistoryLimit": 2,
            "selector": {"matchLabels": selector},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "template": {
                "metadata": {"labels": labels | {VERSION_LABEL: str(version)}},
                "spec": pod | _spread(selector, near) | {"terminationGracePeriodSeconds": DRAIN_SECONDS},
            },
        },
    }


def settings_digest(model: CatDogModel, connection: Connection, *, openshift: bool) -> str:
    """Return what changes with that which a person or the world can change of the pods, but for the version.

    A field that comes later has to be left out where it has its default: else an upgrade looks like an edit.
    What is said of the shadow is not the workers' business.
    """
    inference, kafka = (msgspec.to_builtins(part) for part in (model.spec.inference, model.spec.kafka))
    others = ("replicas", "modelVersion", "shadowVersion")
    chosen = {name: value for name, value in inference.items() if name not in others}
    kafka["topics"].pop("whenDeleted")  # nothing that a pod could see
    kafka["topics"].pop("shadow", None)
    return short_digest([chosen, kafka, msgspec.to_builtins(connection), openshift])


def inference_selector(model: CatDogModel) -> dict[str, str]:
    """Return the labels that select a model's workers."""
    return {"app.kubernetes.io/component": "inference", MODEL_LABEL: model.name}


def _spread(selector: dict[str, str], near: str | None) -> Manifest:
    """Return the wish for a node for each worker, where none draws them to one; no worker waits for it."""
    if near is not None:
        return {}
    constraint = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": selector},
        "matchLabelKeys": ["pod-template-hash"],  # in a rollout the new ones are counted alone
    }
    return {"topologySpreadConstraints": [constraint]}


def build_worker(
    model: CatDogModel,
    resolved: Resolved,
    image: str,
    connection: Connection,
    environment: dict[str, str],
    cpu: str = "100m",
) -> Container:
    """Return the container of a worker; `cpu` is what it requests by default."""
    volumes = [
        ("models", STORAGE_DIR, claim_volume("models", resolved.claim_name)),
        *build_login_volumes(connection),
    ]
    return Container(
        name=WORKER,
        image=image,
        environment=environment,
        resources=_resources(model.spec.kafka.max_image_bytes, cpu),
        tmp_size="64Mi",
        mounts=tuple(mount(name, path, read_only=True) for name, path, _ in volumes),
        volumes=tuple(volume for *_, volume in volumes),
        extra={
            "ports": [{"name": "http", "containerPort": HTTP_PORT, "protocol": "TCP"}],
            "readinessProbe": _probe("/readyz", period=2, failures=3),
            # What does not answer will not end in order either, and need not be waited for.
            "livenessProbe": _probe("/healthz", period=10, failures=6)
            | {"terminationGracePeriodSeconds": STUCK_GRACE_SECONDS},
        },
    )


def _resources(max_image_bytes: int, cpu: str) -> Manifest:
    """Return what a worker is given by default: the more memory, the larger images may be."""
    beyond = max(0, max_image_bytes - _ROOMY_IMAGE_BYTES)
    limit = f"{_LIMIT_MEBIBYTES + math.ceil(beyond * _COPIES / 2**20)}Mi" if beyond else "1Gi"
    return {"requests": {"cpu": cpu, "memory": "256Mi"}, "limits": {"memory": limit}}


def _probe(path: str, *, period: int, failures: int) -> Manifest:
    return {
        "httpGet": {"path": path, "port": "http"},
        "periodSeconds": period,
        "failureThreshold": failures,
        "timeoutSeconds": 5,
    }


def build_worker_environment(
    model: CatDogModel, resolved: Resolved, version: int, connection: Connection
) -> dict[str, str]:
    """Return the worker's configuration."""
    kafka, inference = model.spec.kafka, model.spec.inference
    return {
        "CATDOG_MODEL_NAME": model.name,
        "CATDOG_MODEL_NAMESPACE": model.namespace,
        "CATDOG_MODEL_VERSION": str(version),
        "CATDOG_STORAGE_DIR": STORAGE_DIR,
        "CATDOG_KAFKA_CLUSTER": connection.cluster,
        **build_login_environment(connection),
        "CATDOG_KAFKA_CONSUMER_GROUP": resolved.consumer_group,
        "CATDOG_KAFKA_START_FROM": kafka.start_from.lower(),
        "CATDOG_INPUT_TOPIC": resolved.input.name,
        "CATDOG_OUTPUT_TOPIC": resolved.output.name,
        "CATDOG_DEAD_LETTER_TOPIC": resolved.dead_letters.name,
        "CATDOG_MAX_IMAGE_BYTES": str(kafka.max_image_bytes),
        "CATDOG_MAX_BATCH_SIZE": str(inference.max_batch_size),
        "CATDOG_MAX_BATCH_DELAY_MILLISECONDS": str(inference.max_batch_delay_milliseconds),
        "CATDOG_HTTP_PORT": str(HTTP_PORT),
    }
