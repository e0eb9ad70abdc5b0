"""What the API server refuses at apply, and the very words that a person reads then."""

import json
from typing import Any

import pytest

from tests.cluster.commands import CommandError
from tests.cluster.instance import Instance
from tests.e2e.models import NAMESPACE

Spec = dict[str, Any]
SAMPLE: Spec = {"sample": {}}
KAFKA = {"strimzi": {"name": "my-cluster"}}
NOT_CHECKED = (
    "* <nil>: Invalid value: null: some validation rules were not checked because the object was invalid; "
    "correct the existing errors to complete validation"
)
NAME = (
    "the name must have at most 40 characters, of a-z, 0-9 and '-' (not at either end), "
    "because the names of Jobs, claims and topics are made from it"
)
TWO_ROLES = "one topic cannot have two roles; name three different topics for input, output and deadLetters"
CHANGED_STORAGE = "storage cannot be changed; make another CatDogModel, or set it back to what it was"


def training(**fields: object) -> Spec:
    return {"training": {"dataset": SAMPLE, **fields}}


def kafka(**fields: object) -> Spec:
    return {"kafka": {**KAFKA, **fields}}


def rule(path: str, message: str, kind: str = "object") -> str:
    return f'{path}: Invalid value: "{kind}": {message}'


REFUSED: dict[str, tuple[Spec, str]] = {
    "two data sets": (
        training(dataset={**SAMPLE, "persistentVolumeClaim": {"claimName": "photos"}}),
        rule("spec.training.dataset", "two data sets are named; keep one of sample, persistentVolumeClaim"),
    ),
    "no data set": (
        training(dataset={}),
        rule(
            "spec.training.dataset",
            "no data set is named; set one of sample: {} or persistentVolumeClaim: {claimName: ...}",
        ),
    ),
    "a path that leads out of the claim": (
        training(dataset={"persistentVolumeClaim": {"claimName": "photos", "path": "a/../../b"}}),
        rule(
            "spec.training.dataset.persistentVolumeClaim.path",
            "path is a directory on the claim, without a leading '/' and without '..'",
            "string",
        ),
    ),
    "two claims": (
        {"storage": {"claim": {}, "existingClaim": "models"}},
        rule("spec.storage", "two claims are named; keep one of claim, existingClaim"),
    ),
    "a size that is none": (
        {"storage": {"claim": {"size": "much"}}},
        rule("spec.storage.claim.size", "size is a quantity greater than 0, such as 5Gi", "string"),
    ),
    "one topic in two roles": (
        kafka(topics={"input": {"name": "photos"}, "output": {"name": "photos"}}),
        rule("spec.kafka.topics", TWO_ROLES),
    ),
    "a topic named as another is by default": (
        kafka(topics={"deadLetters": {"name": "odd-images"}}),
        rule("spec.kafka.topics", TWO_ROLES),
    ),
    "a topic that no KafkaTopic can be named after": (
        kafka(topics={"input": {"name": "My_Topic"}}),
        rule(
            "spec.kafka.topics.input.name",
            "the name of a topic is also its KafkaTopic's: "
            "of a-z, 0-9, '-' and '.' (these two not at either end)",
            "string",
        ),
    ),
    "no epochs": (
        training(epochs=0),
        (
            "spec.training.epochs: Invalid value: 0: "
            "spec.training.epochs in body should be greater than or equal to 1"
        ),
    ),
    "a learning rate below zero": (
        training(learningRate=-1),
        (
            "spec.training.learningRate: Invalid value: -1: "
            "spec.training.learningRate in body should be greater than 0"
        ),
    ),
    "a network that there is not": (
        training(architecture="resnet"),
        (
            '\n* spec.training.architecture: Unsupported value: "resnet": '
            f'supported values: "efficientnet-lite0", "efficientnet-lite2"\n{NOT_CHECKED}'
        ),
    ),
    "a start in lower case": (
        kafka(startFrom="earliest"),
        (
            '\n* spec.kafka.startFrom: Unsupported value: "earliest": '
            f'supported values: "Earliest", "Latest"\n{NOT_CHECKED}'
        ),
    ),
    "images smaller than any": (
        kafka(maxImageBytes=10),
        (
            "spec.kafka.maxImageBytes: Invalid value: 10: "
            "spec.kafka.maxImageBytes in body should be greater than or equal to 1024"
        ),
    ),
    "fewer replicas than none": (
        {"inference": {"replicas": -1}},
        (
            "\n* spec.inference.replicas: Invalid value: -1: "
            "spec.inference.replicas in body should be greater than or equal to 0"
            "\n* .spec.inference.replicas: Invalid value: -1: should be a non-negative integer"
        ),
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_wrong_is_refused_with_what_to_write_instead(cluster: Instance, case: str) -> None:
    spec, message = REFUSED[case]
    assert refusal(cluster, "odd", spec) == f'The CatDogModel "odd" is invalid: {message}'


@pytest.mark.parametrize("name", ["a" * 41, "a.b"])
def test_a_name_that_cannot_name_the_children_is_refused(cluster: Instance, name: str) -> None:
    assert refusal(cluster, name, {}) == f'The CatDogModel "{name}" is invalid: {rule("<nil>", NAME)}'


def test_a_field_that_there_is_not_is_named(cluster: Instance) -> None:
    assert refusal(cluster, "odd", training(augment=True)) == (
        'Error from server (BadRequest): error when creating "STDIN": CatDogModel in version "v1alpha1" '
        'cannot be handled as a CatDogModel: strict decoding error: unknown field "spec.training.augment"'
    )


@pytest.mark.parametrize("storage", [{"claim": {"size": "2Gi"}}, {"claim": None, "existingClaim": "x"}, None])
def test_storage_that_was_chosen_stays(cluster: Instance, storage: Spec | None) -> None:
    # With photos and a Kafka that are not there, so that nothing is made of it but its claim.
    spec = {
        "training": {"dataset": {"persistentVolumeClaim": {"claimName": "nowhere"}}},
        "kafka": {"strimzi": {"name": "nowhere"}},
        "storage": {"claim": {"size": "1Gi"}},
    }
    cluster.kubectl("apply", "-n", NAMESPACE, "-f", "-", input=json.dumps(manifest("settled", spec)))
    try:
        patch = json.dumps({"spec": {"storage": storage}})
        with pytest.raises(CommandError) as refused:
            cluster.kubectl("patch", "catdogmodel/settled", "-n", NAMESPACE, "--type=merge", "-p", patch)
    finally:
        cluster.kubectl("delete", "catdogmodel/settled", "-n", NAMESPACE)
        cluster.kubectl("delete", "pvc/settled-models", "-n", NAMESPACE, "--ignore-not-found")
    assert said(refused) == f'The CatDogModel "settled" is invalid: {rule("spec.storage", CHANGED_STORAGE)}'


def refusal(cluster: Instance, name: str, spec: Spec) -> str:
    """Return what kubectl says of a resource that is not taken."""
    body = json.dumps(manifest(name, spec))
    with pytest.raises(CommandError) as refused:
        cluster.kubectl("create", "-n", NAMESPACE, "--dry-run=server", "-f", "-", input=body)
    return said(refused)


def said(refused: pytest.ExceptionInfo[CommandError]) -> str:
    """Return what the program said; the first line of the message is its command."""
    return str(refused.value).split("\n", 1)[1].rstrip()


def manifest(name: str, spec: Spec) -> Spec:
    """Return a CatDogModel."""
    return {
        "apiVersion": "catdog.dev/v1alpha1",
        "kind": "CatDogModel",
        "metadata": {"name": name},
        "spec": {"training": {"dataset": SAMPLE}, "kafka": KAFKA} | spec,
    }
