"""The Deployment of the shadow: a version that answers beside the one that serves, and is measured by it."""

from catdog_operator.manifests.common import Manifest, build_labels, build_owner
from catdog_operator.manifests.deployment import (
    DRAIN_SECONDS,
    build_worker,
    build_worker_environment,
    settings_digest,
)
from catdog_operator.manifests.kafka_login import Connection
from catdog_operator.manifests.pod import build_pod_spec
from catdog_operator.observed import Surroundings
from catdog_operator.resolve import Resolved, ResolvedTopic
from catdog_operator.resource import CatDogModel, short_digest
from catdog_operator.views import MODEL_LABEL, SETTINGS_ANNOTATION, VERSION_LABEL

# Processors that all want are shared by what was requested: a tenth of a worker's share.
_CPU = "10m"


def build_shadow_deployment(
    model: CatDogModel,
    resolved: Resolved,
    surroundings: Surroundings,
    *,
    version: int,
    topic: ResolvedTopic,
    connection: Connection,
    near: str | None,
) -> Manifest:
    """Return the Deployment whose one pod has `version` answer into `topic`; none where no worker is wanted.

    Its labels are not those by which workers are selected.
    """
    labels = build_labels(model, "shadow")
    environment = build_shadow_environment(model, resolved, version, topic, connection)
    pod = build_pod_spec(
        build_worker(model, resolved, surroundings.images.inference, connection, environment, cpu=_CPU),
        model.spec.inference.pod,
        openshift=surroundings.openshift,
        near=near,
    )
    digest = short_digest([settings_digest(model, connection, openshift=surroundings.openshift), topic.name])
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": resolved.shadow_name,
            "namespace": model.namespace,
            "labels": labels,
            "annotations": {SETTINGS_ANNOTATION: digest},
            "ownerReferences": [build_owner(model)],
        },
        "spec": {
            "replicas": min(1, model.spec.inference.replicas),
            "revisionHistoryLimit": 2,
            "selector": {"matchLabels": {"app.kubernetes.io/component": "shadow", MODEL_LABEL: model.name}},
            "strategy": {"type": "Recreate"},  # nobody waits for its answers: better a gap than two of them
            "template": {
                "metadata": {"labels": labels | {VERSION_LABEL: str(version)}},
                "spec": pod | {"terminationGracePeriodSeconds": DRAIN_SECONDS},
            },
        },
    }


def build_shadow_environment(
    model: CatDogModel, resolved: Resolved, version: int, topic: ResolvedTopic, connection: Connection
) -> dict[str, str]:
    """Return the shadow's configuration: a worker's, but for where it reads from and writes to."""
    return build_worker_environment(model, resolved, version, connection) | {
        "CATDOG_KAFKA_CONSUMER_GROUP": resolved.shadow_group,
        "CATDOG_KAFKA_START_FROM": "latest",
        "CATDOG_OUTPUT_TOPIC": topic.name,
        "CATDOG_CHAMPION_TOPIC": resolved.output.name,
    }
