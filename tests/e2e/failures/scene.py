"""What failures are provoked with, and taken away again: quotas, rules, claims, topics, images."""

import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from catdog_operator.manifests.pod import USER
from catdog_operator.resource import parse_model, training_hash
from tests.cluster.commands import run
from tests.cluster.instance import Instance
from tests.cluster.strimzi.objects import NEVER_READY
from tests.cluster.volumes import build_volume
from tests.crd import model_schema, with_defaults
from tests.e2e.claims import make_claim
from tests.e2e.models import NAMESPACE, Model
from tests.tiny_version import publish_tiny_version

Manifest = dict[str, Any]

CLAIM = "failures"  # that all models share
CLAIMS = (CLAIM, "failures-later", "unbound-models")
TOPICS = {
    "input": "failures-images",
    "output": "failures-predictions",
    "deadLetters": "failures-dead-letters",
}
NEVER_READY_TOPIC = "failures-never-ready"
NO_CLASS = "failures-nowhere"  # a storage class that there is not
NO_PODS = "failures-no-pods"  # a priority class whose pods a quota forbids
NODE_LABEL = "catdog.dev/failures"
RULES = {"pods": "failures-no-trainer", "deployments": "failures-no-deployment"}


@dataclass(frozen=True)
class Scene:
    """The cluster, and the directory on the host that holds what is on the shared claim."""

    cluster: Instance
    storage: Path

    def model(self, name: str) -> Model:
        """Return the model of this name."""
        return Model(self.cluster, name)

    def apply(self, *manifests: Manifest) -> None:
        """Apply objects."""
        for manifest in manifests:
            self.cluster.kubectl("apply", "-f", "-", input=json.dumps(manifest))

    def delete(self, kind: str, *names: str) -> None:
        """Delete objects as far as they are there, and await that."""
        self.cluster.kubectl("delete", kind, *names, "-n", NAMESPACE, "--ignore-not-found")

    def versions(self, model: str) -> Path:
        """Return the directory of a model's versions on the shared claim."""
        return self.storage / model / "versions"

    def provide_volume(self, model: str) -> None:
        """Make a volume of the storage class that there is not, with a version on it."""
        directory = self.storage.parent / f"{NO_CLASS}-{uuid.uuid4().hex[:8]}"
        directory.mkdir()
        _own(directory)
        publish_version(directory, model)
        volume = build_volume(directory.name, "ReadWriteOnce", directory)
        volume["spec"]["storageClassName"] = NO_CLASS
        self.apply(volume)

    def make_claim(self, name: str, model: str) -> None:
        """Make a claim with a version on it."""
        make_claim(self.cluster, name, fill=partial(_publish, model))

    def label_node(self, value: str) -> None:
        """Set the label of the node that a model asks for; "-" takes it away."""
        label = f"{NODE_LABEL}-" if value == "-" else f"{NODE_LABEL}={value}"
        self.cluster.kubectl("label", "node", "--all", "--overwrite", label)

    def annotate(self, kind: str, name: str, *, ignored: bool) -> None:
        """Have Strimzi's stand-in ignore a topic or a user, or heed it again."""
        annotation, value = NEVER_READY
        change = f"{annotation}={value}" if ignored else f"{annotation}-"
        self.cluster.kubectl("annotate", kind, name, "-n", NAMESPACE, "--overwrite", change)

    @contextmanager
    def image_missing(self, name: str) -> Iterator[None]:
        """Have the node not have an image, which no registry has either."""
        reference, kept = self.cluster.images[name], "localhost/failures:kept"
        self._ctr("images", "tag", "--force", reference, kept)
        self._ctr("images", "remove", "--sync", reference)
        try:
            yield
        finally:
            self._ctr("images", "tag", "--force", kept, reference)
            self._ctr("images", "remove", kept)

    def _ctr(self, *arguments: str) -> None:
        run("ctr", "--address", self.cluster.layout.containerd_socket, "--namespace", "k8s.io", *arguments)


def open_scene(cluster: Instance) -> Scene:
    """Make all that provokes failures, and what the models share."""
    scene = Scene(cluster, make_claim(cluster, CLAIM, fill=_own))
    scene.label_node("-")  # a run that was cut off has not
    scene.apply(*_topics(), *_quota(), *_rule("pods", "refused"), *_rule("deployments", "refused-deployment"))
    hard = "--for=jsonpath={.status.hard.pods}=0"
    cluster.kubectl("wait", "resourcequota", NO_PODS, "-n", NAMESPACE, hard, "--timeout=240s")
    return scene


def close_scene(scene: Scene) -> None:
    """Take away what a test that failed has left."""
    scene.delete("resourcequota", NO_PODS)
    scene.delete("priorityclass", NO_PODS)
    for name in RULES.values():
        lift_rule(scene, name)
    scene.delete("pvc", *CLAIMS, "--wait=false")  # they go with the pods, and their volumes with them
    scene.label_node("-")
    scene.delete("kafkatopic", *TOPICS.values(), NEVER_READY_TOPIC)


def lift_rule(scene: Scene, name: str) -> None:
    """Take away a rule of admission."""
    scene.delete("validatingadmissionpolicybinding", name)
    scene.delete("validatingadmissionpolicy", name)


def hang(file: Path) -> None:
    """Have whoever opens a file to read wait without end, as where storage does not answer."""
    file.rename(file.with_suffix(".kept"))
    os.mkfifo(file)
    file.chmod(0o664)


def answer(file: Path) -> None:
    """Have a file that hung be as it was."""
    file.with_suffix(".kept").replace(file)


def publish_version(storage: Path, model: str, number: int = 1, training_hash: str | None = None) -> Path:
    """Publish a tiny version as if the training of the models here had; return its directory."""
    return publish_tiny_version(storage, model, number, training_hash=training_hash or sample_hash())


def _publish(model: str, directory: Path) -> None:
    publish_version(directory, model)


def sample_hash() -> str:
    """Return what names the version that the models here train."""
    kafka = {"strimzi": {"name": "my-cluster"}}
    body = {
        "metadata": {"name": "any", "namespace": NAMESPACE, "uid": "", "generation": 1},
        "spec": {"training": {"dataset": {"sample": {}}}, "kafka": kafka},
    }
    return training_hash(parse_model(with_defaults(body, model_schema())).spec.training)


def _own(directory: Path) -> None:
    """Give the claim to the pods' group, so that the kubelet leaves alone what a test does to its files."""
    os.chown(directory, -1, USER)
    directory.chmod(0o2775)


def _topics() -> list[Manifest]:
    annotation, value = NEVER_READY
    never = {"annotations": {annotation: value}}
    return [
        *(_topic(name, {}) for name in TOPICS.values()),
        _topic(NEVER_READY_TOPIC, never),
    ]


def _topic(name: str, metadata: Manifest) -> Manifest:
    labels = {"strimzi.io/cluster": "my-cluster"}
    return {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "KafkaTopic",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels} | metadata,
        "spec": {"partitions": 1},
    }


def _quota() -> list[Manifest]:
    scope = {"scopeName": "PriorityClass", "operator": "In", "values": [NO_PODS]}
    return [
        {
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": {"name": NO_PODS},
            "value": 0,
            "preemptionPolicy": "Never",
        },
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": NO_PODS, "namespace": NAMESPACE},
            "spec": {"hard": {"pods": "0"}, "scopeSelector": {"matchExpressions": [scope]}},
        },
    ]


def _rule(resources: str, model: str) -> list[Manifest]:
    """Return a policy that refuses the pods or the Deployment of a model."""
    name, group = RULES[resources], "" if resources == "pods" else "apps"
    rule = {
        "apiGroups": [group],
        "apiVersions": ["v1"],
        "operations": ["CREATE"],
        "resources": [resources],
    }
    meta = {"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": name}}
    validation = {"expression": "false", "message": f"no {resources} of {model} today"}
    return [
        meta
        | {
            "kind": "ValidatingAdmissionPolicy",
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {
                    "resourceRules": [rule],
                    "objectSelector": {"matchLabels": {"catdog.dev/model": model}},
                },
                "validations": [validation],
            },
        },
        meta
        | {
            "kind": "ValidatingAdmissionPolicyBinding",
            "spec": {"policyName": name, "validationActions": ["Deny"]},
        },
    ]
