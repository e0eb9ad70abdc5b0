"""The table: what goes wrong, what is said of it where, and what heals it."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from catdog_common.artifact import MODEL_FILE
from tests.e2e.failures.scene import (
    CLAIM,
    NEVER_READY_TOPIC,
    NO_CLASS,
    NO_PODS,
    NODE_LABEL,
    RULES,
    TOPICS,
    Scene,
    answer,
    lift_rule,
)
from tests.e2e.models import NAMESPACE, Status, condition

Spec = dict[str, Any]
AFTER_AN_EDIT = "when the cause is gone, an edit of spec.training, such as another revision, tries again"


@dataclass(frozen=True)
class Row:
    """One failure, and what is said of it; in the message a star stands for what differs each time."""

    failure: str
    model: str
    condition: str
    reason: str
    message: str
    heals: str
    heal: Callable[[Scene], None]
    status: str = "False"
    spec: Spec = field(default_factory=dict)  # parts, over those that all have
    provoke: Callable[[Scene], None] | None = None  # what can be done only to a model that is ready
    ends_training: bool = False  # told in lastFailure and in an Event too

    def __str__(self) -> str:
        """Return what pytest calls it."""
        return self.model

    def is_told(self, status: Status) -> bool:
        """Whether a status says of the failure what is to be said."""
        *found, message = condition(status, self.condition)
        pattern = re.escape(self.message).replace(r"\*", ".+")
        return found == [self.status, self.reason] and re.fullmatch(pattern, message) is not None

    def described(self, status: Status) -> str:
        """Return the failure as a person sees it."""
        return described(self.failure, self.condition, status, self.heals)


def described(failure: str, kind: str, status: Status, heals: str) -> str:
    """Return a failure as a person sees it."""
    found, reason, message = condition(status, kind)
    return f"{failure} | {kind} {found} | {reason} | {message} | {heals}"


def spec_of(**parts: Spec) -> Spec:
    """Return the spec of a small model over the shared claim and topics, with these parts over its own."""
    spec: Spec = {
        "training": {"dataset": {"sample": {}}, "backoffLimit": 0},
        "storage": {"existingClaim": CLAIM},
        "inference": {"replicas": 0},
        "kafka": {
            "strimzi": {"name": "my-cluster"},
            "topics": topics(),
        },
    }
    return {name: part | parts.get(name, {}) for name, part in spec.items()}


def topics(**other: Spec) -> Spec:
    """Return the topics that the models share, or `other` ones in their places."""
    return {name: {"name": topic} for name, topic in TOPICS.items()} | other


def memory(limit: str | None) -> Spec:
    """Return a pod's settings with a limit of memory."""
    return {"pod": {"resources": {"limits": {"memory": limit}}}}


def edit(model: str, **spec: Spec) -> Callable[[Scene], None]:
    """Return what edits a model."""
    return lambda scene: scene.model(model).patch(spec)


def damage(file: Path) -> None:
    """Turn a byte of a file around; done twice, it is as it was."""
    content = bytearray(file.read_bytes())
    content[100] ^= 0xFF
    file.write_bytes(content)


def _allow_reading(scene: Scene) -> None:
    scene.versions("crash").chmod(0o775)
    edit("crash", training={"backoffLimit": 1})(scene)


def _let_storage_answer(scene: Scene) -> None:
    answer(scene.versions("late") / "1" / MODEL_FILE)
    edit("late", training={"activeDeadlineSeconds": 600})(scene)


def _serve_a_damaged_version(scene: Scene) -> None:
    damage(scene.versions("damaged") / "2" / "trunk.tflite")
    edit("damaged", inference={"modelVersion": 2})(scene)


def _lose_the_secret(scene: Scene) -> None:
    scene.annotate("kafkauser", "secretless-catdog", ignored=True)
    scene.delete("secret", "secretless-catdog")
    edit("secretless", inference={"replicas": 1})(scene)


IMAGE = Row(
    "image not found",
    "imageless",
    "Trained",
    "ImagePullBackOff",
    "image localhost/catdog-trainer:* of pod * cannot be pulled (*); push it, have the operator name another"
    ", or name the Secret of its registry in spec.training.pod.imagePullSecrets",
    "by itself, when the image is there",
    lambda _: None,  # with the end of the context in which it is missing
)

ROWS = (
    Row(
        "out of memory (training)",
        "hungry",
        "Trained",
        "OOMKilled",
        "the trainer needed more memory than its limit; raise spec.training.pod.resources.limits.memory, or "
        "lower spec.training.batchSize",
        "after an edit: a higher limit",
        edit("hungry", training=memory(None)),
        spec={"training": memory("24Mi")},
        ends_training=True,
    ),
    Row(
        "deadline",
        "late",
        "Trained",
        "DeadlineExceeded",
        "the training was not done within 1 s; raise spec.training.activeDeadlineSeconds",
        "after an edit: a later deadline",
        _let_storage_answer,
        spec={"training": {"activeDeadlineSeconds": 1}},
        ends_training=True,
    ),
    Row(
        "trainer crash",
        "crash",
        "Trained",
        "TrainerCrashed",
        "the trainer ended with exit code 1: * | PermissionError: [Errno 13] Permission denied: "
        f"'/models/crash/versions'; {AFTER_AN_EDIT}",
        "after an edit, the folder's permissions being put right",
        _allow_reading,
        ends_training=True,
    ),
    Row(
        "the user's claim is missing",
        "claimless",
        "StorageReady",
        "ClaimNotFound",
        f"PersistentVolumeClaim failures-later is not in namespace {NAMESPACE}; create it",
        "by itself, when the claim is there",
        lambda scene: scene.make_claim("failures-later", "claimless"),
        spec={"storage": {"existingClaim": "failures-later"}},
    ),
    Row(
        "claim unbound",
        "unbound",
        "Trained",
        "ClaimPending",
        f'PersistentVolumeClaim unbound-models is not bound: storageclass.storage.k8s.io "{NO_CLASS}" not '
        "found; provide a volume or the storage class that it asks for",
        "by itself, when a volume fits",
        lambda scene: scene.provide_volume("unbound"),
        spec={"storage": {"existingClaim": None, "claim": {"size": "1Gi", "storageClassName": NO_CLASS}}},
    ),
    Row(
        "unschedulable",
        "homeless",
        "Trained",
        "Unschedulable",
        "pod * finds no node: 0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.*"
        "; add a node that fits, or change spec.training.pod",
        "by itself, when a node has the label",
        lambda scene: scene.label_node("here"),
        spec={"training": {"pod": {"nodeSelector": {NODE_LABEL: "here"}}}},
    ),
    Row(
        "quota exceeded (training)",
        "crowded",
        "Trained",
        "QuotaExceeded",
        f"the pod of Job crowded-train-* is refused: exceeded quota: {NO_PODS}, requested: pods=1, "
        "used: pods=0, limited: pods=0; make room in the quota, or have it raised",
        "by itself, when the quota goes",
        lambda _: None,  # with the next
        spec={"training": {"pod": {"priorityClassName": NO_PODS}}},
    ),
    Row(
        "quota exceeded (serving)",
        "crowded-worker",
        "Serving",
        "QuotaExceeded",
        f"a pod of Deployment crowded-worker-inference is refused: exceeded quota: {NO_PODS}, requested: "
        "pods=1, used: pods=0, limited: pods=0; make room in the quota, or have it raised",
        "by itself, when the quota goes",
        lambda scene: scene.delete("resourcequota", NO_PODS),
        spec={"inference": {"replicas": 1, "pod": {"priorityClassName": NO_PODS}}},
    ),
    Row(
        "admission refuses the trainer's pod",
        "refused",
        "Trained",
        "AdmissionRefused",
        f"the pod of Job refused-train-* is refused: ValidatingAdmissionPolicy '{RULES['pods']}' with "
        f"binding '{RULES['pods']}' denied request: no pods of refused today; change spec.training.pod, or "
        "the rule that refuses it",
        "by itself, when the rule goes",
        lambda scene: lift_rule(scene, RULES["pods"]),
    ),
    Row(
        "admission refuses the Deployment",
        "refused-deployment",
        "Serving",
        "AdmissionRefused",
        'Deployment refused-deployment-inference is refused: deployments.apps "refused-deployment-inference" '
        f"is forbidden: ValidatingAdmissionPolicy '{RULES['deployments']}' with binding "
        f"'{RULES['deployments']}' denied request: no deployments of refused-deployment today; change the "
        "rule that refuses it",
        "by itself, when the rule goes",
        lambda scene: lift_rule(scene, RULES["deployments"]),
    ),
    Row(
        "topic never ready",
        "topicless",
        "KafkaReady",
        "TopicNotReady",
        f"KafkaTopic {NEVER_READY_TOPIC} is not ready yet; if it stays so, see whether Strimzi's entity "
        "operator runs",
        "by itself, when the topic is ready",
        lambda scene: scene.annotate("kafkatopic", NEVER_READY_TOPIC, ignored=False),
        spec={"kafka": {"topics": topics(input={"name": NEVER_READY_TOPIC})}},
    ),
    Row(
        "a topic with more replicas than there are brokers",
        "replicas",
        "KafkaReady",
        "TopicNotReady",
        "KafkaTopic failures-replicas is not ready: KafkaError: *replication factor*",
        "after an edit: as many replicas as there are brokers",
        edit("replicas", kafka={"topics": {"input": {"replicas": 1}}}),
        spec={"kafka": {"topics": topics(input={"name": "failures-replicas", "replicas": 3})}},
    ),
    Row(
        "out of memory (worker)",
        "hungry-worker",
        "Serving",
        "OOMKilled",
        "pod * needed more memory than its limit; raise spec.inference.pod.resources.limits.memory, or lower "
        "spec.inference.maxBatchSize",
        "after an edit: a higher limit",
        edit("hungry-worker", inference=memory(None)),
        spec={"inference": {"replicas": 1} | memory("24Mi")},
    ),
    Row(
        "a version that is damaged on the claim",
        "damaged",
        "Serving",
        "CrashLoopBackOff",
        "1 pod answers, but pod * ends again and again, with exit code 1: the worker can't start: "
        "/models/damaged/versions/2/trunk.tflite is not the file that was published",
        "by itself, when the file is as it was; version 1 goes on answering until then",
        lambda scene: damage(scene.versions("damaged") / "2" / "trunk.tflite"),
        status="True",
        spec={"inference": {"replicas": 1}},
        provoke=_serve_a_damaged_version,
    ),
    Row(
        "secret missing",
        "secretless",
        "Serving",
        "SecretNotFound",
        "pod * waits for Secret secretless-catdog, which is not there; create it",
        "by itself, when the secret is there",
        lambda scene: scene.annotate("kafkauser", "secretless-catdog", ignored=False),
        provoke=_lose_the_secret,
    ),
)
