"""What the API server refuses at apply, and the very words that a person reads then."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.commands import CommandError
from tests.cluster.instance import Instance, down, up_api_server
from tests.crd import model_schema
from tests.e2e.out_of_bounds import OUT_OF_BOUNDS
from tests.e2e.refused import (
    CHANGED_CLAIM,
    GIVEN,
    NAME,
    NO_SCALE,
    NOT_CHECKED,
    OWN_SHADOW,
    REFUSED,
    SAMPLE,
    STRIMZI,
    Spec,
    given,
    rule,
    training,
)
from tests.lanes import instance_name

NAMESPACE = "default"
TOPIC = "spec.training.dataset.kafka.topic"
SAMPLES = sorted((Path(__file__).parents[2] / "manifests" / "samples").glob("catdogmodel*.yaml"))
ELSEWHERE = {"strimzi": {"name": "my-cluster", "namespace": "brokers"}, "bootstrapServers": None}
STORED = {"size": "1Gi", "storageClassName": "fast"}


@pytest.fixture(scope="module")
def api_server() -> Iterator[Instance]:
    """Give an API server with the CRD, and no operator."""
    name = f"{instance_name()}-refusals"
    yield up_api_server(name)
    down(name)


@pytest.fixture
def settled(api_server: Instance) -> Iterator[str]:
    """Give a model that is stored, with a claim of its own."""
    body = manifest("settled", {"storage": {"claim": STORED}})
    api_server.kubectl("create", "-n", NAMESPACE, "-f", "-", input=json.dumps(body))
    yield "catdogmodel/settled"
    api_server.kubectl("delete", "catdogmodel/settled", "-n", NAMESPACE)


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_wrong_is_refused_with_what_to_write_instead(api_server: Instance, case: str) -> None:
    spec, expected = REFUSED[case]
    messages = (expected,) if isinstance(expected, str) else expected
    assert refusal(api_server, "odd", spec) == messages


def test_every_rule_of_the_schema_has_a_case() -> None:
    told = [NAME, CHANGED_CLAIM, *(str(messages) for _, messages in REFUSED.values())]
    rules = [each["message"] for each in all_rules(model_schema())]
    assert rules
    assert [message for message in rules if not any(message in each for each in told)] == []


@pytest.mark.parametrize("name", ["a" * 41, "a.b"])
def test_a_name_that_cannot_name_the_children_is_refused(api_server: Instance, name: str) -> None:
    assert refusal(api_server, name, {}) == (rule("<nil>", NAME),)


def test_a_field_that_there_is_not_is_named(api_server: Instance) -> None:
    assert said_of(api_server, "odd", training(mixup=True)) == (
        'Error from server (BadRequest): error when creating "STDIN": CatDogModel in version "v1alpha1" '
        'cannot be handled as a CatDogModel: strict decoding error: unknown field "spec.training.mixup"'
    )


@pytest.mark.parametrize(
    "storage",
    [
        {"claim": {"size": "2Gi"}},
        {"claim": {"size": "512Mi"}},
        {"claim": {"storageClassName": None}},
        {"claim": {"accessMode": "ReadWriteMany"}},
        {"claim": {"whenDeleted": "Delete"}},
        {"claim": None},
        {"claim": None, "existingClaim": "models"},
        None,
    ],
    ids=str,
)
def test_a_claim_that_was_chosen_stays(api_server: Instance, settled: str, storage: Spec | None) -> None:
    with pytest.raises(CommandError) as refused:
        edit(api_server, settled, {"storage": storage})
    assert said(refused) == f'The CatDogModel "settled" is invalid: {rule("spec.storage", CHANGED_CLAIM)}'


@pytest.mark.parametrize(
    "spec",
    [
        {"storage": {"keepVersions": 3}},
        {"promotion": {"minAccuracy": 0, "maxAccuracyDrop": 1}},
        {"inference": {"modelVersion": 7}},
        {"kafka": {"strimzi": None} | GIVEN},
        {"paused": True},
    ],
    ids=str,
)
def test_what_may_change_later_can_be_edited(api_server: Instance, settled: str, spec: Spec) -> None:
    assert edit(api_server, settled, spec) == "catdogmodel.catdog.dev/settled patched"


@pytest.mark.parametrize(
    ("name", "spec"),
    [
        ("a" * 40, {}),
        ("odd", given(topics={"input": {"name": "My_Topic"}})),
        ("odd", given(bootstrapServers="10.1.2.3:65535")),
        # In another namespace the topics' own names begin with the model's.
        ("odd", given(**ELSEWHERE, topics={"output": {"name": "odd-images"}})),
        (
            "odd",
            given(**ELSEWHERE, topics={"shadow": {"name": "odd-predictions"}})
            | {"inference": {"shadowVersion": 2}},
        ),
    ],
    ids=str,
)
def test_what_is_just_within_the_rules_is_taken(api_server: Instance, name: str, spec: Spec) -> None:
    assert create(api_server, manifest(name, spec)).startswith(f"catdogmodel.catdog.dev/{name} created")


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_the_samples_are_taken(api_server: Instance, sample: Path) -> None:
    assert " created" in create(api_server, yaml.safe_load(sample.read_text()))


@pytest.mark.parametrize("case", OUT_OF_BOUNDS)
def test_every_number_and_text_out_of_its_bounds_is_named_with_them(api_server: Instance, case: str) -> None:
    part, value, expected = OUT_OF_BOUNDS[case]
    whole = {"training": {"dataset": SAMPLE}, "kafka": STRIMZI}.get(part, {}) | value
    told = refusal(api_server, "odd", {part: whole})
    # Of a topic only maxImages is given here, and both versions of inference are the same.
    besides = {NOT_CHECKED, NO_SCALE, f"{TOPIC}: Required value", rule("spec.inference", OWN_SHADOW)}
    assert sorted({*told} - besides) == sorted(expected)


def refusal(cluster: Instance, name: str, spec: Spec) -> tuple[str, ...]:
    """Return what kubectl says of a resource that is not taken, point by point."""
    head, _, points = said_of(cluster, name, spec).partition(" is invalid: ")
    assert head == f'The CatDogModel "{name}"'
    return tuple(points.removeprefix("\n* ").split("\n* "))


def said_of(cluster: Instance, name: str, spec: Spec) -> str:
    """Return what kubectl says of a resource that is not taken."""
    with pytest.raises(CommandError) as refused:
        create(cluster, manifest(name, spec))
    return said(refused)


def create(cluster: Instance, body: Spec) -> str:
    """Ask the API server whether it would take a resource."""
    return cluster.kubectl(
        "create", "-n", NAMESPACE, "--dry-run=server", "-f", "-", input=json.dumps(body)
    ).strip()


def edit(cluster: Instance, model: str, spec: Spec) -> str:
    """Edit a resource; None takes a field away."""
    patch = json.dumps({"spec": spec})
    return cluster.kubectl("patch", model, "-n", NAMESPACE, "--type=merge", "-p", patch).strip()


def said(refused: pytest.ExceptionInfo[CommandError]) -> str:
    """Return what the program said; the first line of the message is its command."""
    return str(refused.value).split("\n", 1)[1].rstrip()


def manifest(name: str, spec: Spec) -> Spec:
    """Return a CatDogModel; a part that is None is left out."""
    whole = {"training": {"dataset": SAMPLE}, "kafka": STRIMZI} | spec
    return {
        "apiVersion": "catdog.dev/v1alpha1",
        "kind": "CatDogModel",
        "metadata": {"name": name},
        "spec": {part: value for part, value in whole.items() if value is not None},
    }


def all_rules(schema: Any) -> Iterator[Any]:  # noqa: ANN401 - any part of a schema
    """Give every rule across fields."""
    if isinstance(schema, dict):
        yield from schema.get("x-kubernetes-validations", [])
    inner = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    for each in inner:
        yield from all_rules(each)
