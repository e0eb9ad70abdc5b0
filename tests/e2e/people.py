"""People with a user of their own in the cluster's Kafka, who work on the host."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cluster.instance import Instance
from tests.cluster.strimzi.client_files import write_client_files
from tests.e2e.models import NAMESPACE


@dataclass(frozen=True)
class Person:
    """Where a person finds Kafka, and the files that let it in."""

    directory: Path

    @property
    def servers(self) -> str:
        """Kafka's address for clients on the host."""
        return (self.directory / "bootstrap").read_text().strip()

    @property
    def authority(self) -> Path:
        """The certificates to trust."""
        return self.directory / "ca" / "ca.crt"

    @property
    def certificate(self) -> Path:
        """The person's own certificate."""
        return self.directory / "user" / "user.crt"

    @property
    def key(self) -> Path:
        """Its key."""
        return self.directory / "user" / "user.key"


def make_person(cluster: Instance, name: str, directory: Path, topics: str) -> Person:
    """Make a KafkaUser that may write, read and describe topics with this prefix, and join any group."""
    rights = [
        {
            "resource": {"type": "topic", "name": topics, "patternType": "prefix"},
            "operations": ["Read", "Write", "Describe", "DescribeConfigs"],
        },
        {"resource": {"type": "group", "name": "*", "patternType": "literal"}, "operations": ["Read"]},
    ]
    user: dict[str, Any] = {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "KafkaUser",
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "labels": {"strimzi.io/cluster": "my-cluster", "catdog.dev/test": name},
        },
        "spec": {
            "authentication": {"type": "tls"},
            "authorization": {"type": "simple", "acls": rights},
        },
    }
    cluster.kubectl("apply", "-f", "-", input=json.dumps(user))
    write_client_files(cluster.kubeconfig, directory, user=name)
    return Person(directory)


def forget_person(cluster: Instance, name: str) -> None:
    """Delete the KafkaUser."""
    cluster.kubectl("delete", "kafkauser", name, "-n", NAMESPACE, "--ignore-not-found")
