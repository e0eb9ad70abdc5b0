"""Resources as a user of Strimzi writes them."""

from collections.abc import Mapping
from pathlib import Path

import yaml

from tests.cluster.strimzi.kube import Manifest
from tests.cluster.strimzi.spec import Cluster, parse_cluster

SAMPLE = Path(__file__).parents[2] / "cluster" / "kafka.yaml"
UID = "f2a1c1de-7c4c-4d3b-9a51-0c6a3f3a9d10"


def sample(kind: str) -> Manifest:
    """Return the resource of a kind of the local cluster, as the API server would have it."""
    documents = yaml.safe_load_all(SAMPLE.read_text())
    found: Manifest = next(document for document in documents if document["kind"] == kind)
    return found | {"metadata": found["metadata"] | {"uid": UID, "generation": 1}}


def sample_cluster(
    config: Mapping[str, object] | None = None, brokers: int = 1, listeners: tuple[Manifest, ...] = ()
) -> Cluster:
    """Return the local cluster's Kafka with so many brokers, and options and listeners besides its own."""
    kafka, pool = sample("Kafka"), sample("KafkaNodePool")
    kafka["spec"]["kafka"]["config"].update(config or {})
    kafka["spec"]["kafka"]["listeners"] += listeners
    pool["spec"]["replicas"] = brokers
    return parse_cluster(kafka, [pool])
