"""Models and clusters as the client reads them, at one moment."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from catdog_client.cluster.checks import FIELDS
from catdog_client.cluster.installed import (
    Authorization,
    Deployment,
    DeploymentStatus,
    KafkaCluster,
    KafkaSettings,
    KafkaSpec,
    KafkaStatus,
    Listener,
    ListenerAuthentication,
)
from catdog_client.cluster.model import Condition, Metadata, Model, read_model
from catdog_client.cluster.seen import Cluster

NOW = datetime(2026, 11, 30, 12, 0, 0, tzinfo=UTC)
HASH, OLD_HASH = "3f9c2a7b10", "77ab01c2d3"

VERSIONS = [
    {
        "version": 2,
        "hash": HASH,
        "accuracy": 0.97,
        "photos": 940,
        "trainedAt": "2026-11-30T09:00:00Z",
        "verdict": "Passed",
        "firstServedTime": "2026-11-30T09:01:00Z",
    },
    {
        "version": 1,
        "hash": OLD_HASH,
        "accuracy": 0.7,
        "photos": 60,
        "trainedAt": "2026-11-27T12:00:00Z",
        "verdict": "Failed",
        "firstServedTime": "2026-11-27T12:00:30Z",
    },
]
HISTORY = [
    {"version": 2, "time": "2026-11-30T09:01:00Z", "reason": "Promoted"},
    {"version": 1, "time": "2026-11-27T12:00:30Z", "reason": "Promoted"},
]
SERVING: dict[str, Any] = {
    "observedGeneration": 4,
    "phase": "Serving",
    "conditions": [
        {
            "type": "Ready",
            "status": "True",
            "reason": "Serving",
            "message": "version 2 serves with all 2 replicas ready",
            "lastTransitionTime": "2026-11-30T09:01:00Z",
        }
    ],
    "versions": VERSIONS,
    "history": HISTORY,
    "inference": {"servedVersion": 2, "accuracy": 0.97, "replicas": 2, "readyReplicas": 2},
    "training": {"hash": HASH},
}
SHADOW: dict[str, Any] = {
    "version": 1,
    "since": "2026-11-30T10:00:00Z",
    "records": 1204,
    "championVersion": 2,
    "agreement": 0.9718,
    "meanConfidence": 0.9411,
    "championMeanConfidence": 0.962,
}
PROGRESS: dict[str, Any] = {
    "hash": HASH,
    "jobName": f"pets-train-{HASH}",
    "stage": "Epochs",
    "epoch": 7,
    "epochs": 20,
    "valAccuracy": 0.96,
    "photosPerSecond": 210.4,
    "estimatedCompletionTime": "2026-11-30T12:02:30Z",
}
FAILURE: dict[str, Any] = {
    "hash": HASH,
    "reason": "OOMKilled",
    "message": "the trainer ran out of memory",
    "time": "2026-11-30T11:00:00Z",
    "attempts": 1,
}


def some_model(spec: dict[str, Any] | None = None, **status: Any) -> Model:  # noqa: ANN401 - fields of a status
    """Return a model that serves version 2 of two, but for what is given."""
    return read_model(
        {
            "metadata": {"name": "pets", "namespace": "kafka", "generation": 4},
            "spec": {"inference": {"replicas": 2}, **(spec or {})},
            "status": {**SERVING, **status},
        }
    )


def some_cluster(**fields: Any) -> Cluster:  # noqa: ANN401 - fields of a cluster
    """Return a cluster in which all is well, but for what is given."""
    well = Cluster(
        namespace="kafka",
        version=(1, 34),
        crd_versions=("v1alpha1",),
        crd_fields=frozenset(FIELDS),
        strimzi_versions=("v1",),
        operators=(
            Deployment(
                Metadata("catdog-operator", "catdog-system"), status=DeploymentStatus(available_replicas=1)
            ),
        ),
        models=(some_model({"kafka": {"strimzi": {"name": "my-cluster"}}}),),
        denied=(),
        kafkas=(some_kafka(),),
        default_storage_classes=("fast",),
    )
    return msgspec.structs.replace(well, **fields)


def some_kafka(
    listeners: tuple[Listener, ...] = (
        Listener("tls", tls=True, authentication=ListenerAuthentication("tls")),
    ),
    authorization: str | None = "simple",
    ready: str = "True",
) -> KafkaCluster:
    """Return a Kafka that models can be served over, but for what is given."""
    rules = Authorization(authorization) if authorization else None
    return KafkaCluster(
        Metadata("my-cluster", "kafka"),
        KafkaSpec(KafkaSettings(listeners, rules)),
        KafkaStatus((Condition("Ready", ready, "Creating", "brokers start"),)),
    )
