"""The manifests that people apply: the Role is what the operator uses, the samples are what the CRD has."""

import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from catdog_operator.config import read_config, read_images
from catdog_operator.kinds import KIND_OF
from catdog_operator.resolve import resolve
from catdog_operator.resource import parse_model
from tests.crd import Schema, model_schema, with_defaults

ROOT = Path(__file__).parents[2]
BASE = ROOT / "manifests" / "base"
SAMPLES = ROOT / "manifests" / "samples"
# kopf watches for kinds that appear, so that Strimzi may be installed after the operator.
KOPF = {("apiextensions.k8s.io", "customresourcedefinitions"): {"list", "watch"}}

Rights = dict[tuple[str, str], set[str]]


def documents(path: Path) -> list[dict[str, Any]]:
    return [each for each in yaml.safe_load_all(path.read_text()) if each]


def find(path: Path, kind: str) -> dict[str, Any]:
    [found] = [each for each in documents(path) if each["kind"] == kind]
    return found


def test_the_role_has_exactly_the_verbs_that_the_operator_uses() -> None:
    granted: Rights = defaultdict(set)
    for rule in find(BASE / "rbac.yaml", "ClusterRole")["rules"]:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                granted[group, resource] |= set(rule["verbs"])
    assert granted == used_rights() | KOPF


def used_rights() -> Rights:
    used: Rights = {}
    for kind in KIND_OF.values():
        used[kind.group, kind.plural] = set(kind.verbs)
        for each in kind.subresources:
            verb, subresource = each.split()
            used[kind.group, f"{kind.plural}/{subresource}"] = {verb}
    return used


def test_every_rule_of_the_role_says_why() -> None:
    lines = (BASE / "rbac.yaml").read_text().splitlines()
    rules = [number for number, line in enumerate(lines) if line.startswith("  - apiGroups")]
    assert rules
    for number in rules:
        assert lines[number - 1].startswith("  # "), lines[number]


def test_the_operators_environment_is_what_it_reads() -> None:
    [container] = find(BASE / "deployment.yaml", "Deployment")["spec"]["template"]["spec"]["containers"]
    environment = {each["name"]: each["value"] for each in container["env"]}
    [generator] = find(BASE / "kustomization.yaml", "Kustomization")["configMapGenerator"]
    images = dict(literal.split("=", 1) for literal in generator["literals"])
    assert container["envFrom"] == [{"configMapRef": {"name": generator["name"]}}]
    assert read_images(images).trainer == "catdog-trainer:latest"
    assert read_config(environment).retry_seconds == 60
    assert read_config(environment).http_port == container["ports"][0]["containerPort"]


@pytest.mark.parametrize("file", sorted(SAMPLES.glob("catdogmodel*.yaml")), ids=lambda path: path.name)
def test_a_sample_is_a_model_that_the_operator_reads(file: Path) -> None:
    [sample] = documents(file)
    assert list(unknown_fields(sample["spec"], model_schema()["properties"]["spec"], "spec")) == []
    sample["metadata"] |= {"namespace": "kafka", "uid": "1", "generation": 1}
    model = parse_model(with_defaults(sample, model_schema()))
    assert re.fullmatch("[0-9a-f]{10}", resolve(model).hash)


def unknown_fields(value: dict[str, Any], schema: Schema, path: str) -> list[str]:
    """Return the paths in `value` that the schema has not."""
    if "properties" not in schema:
        return []
    unknown = [f"{path}.{name}" for name in value if name not in schema["properties"]]
    for name, inner in value.items():
        if isinstance(inner, dict) and name in schema["properties"]:
            unknown += unknown_fields(inner, schema["properties"][name], f"{path}.{name}")
    return unknown


def test_the_operators_pod_meets_the_restricted_standard() -> None:
    pod = find(BASE / "deployment.yaml", "Deployment")["spec"]["template"]["spec"]
    [container] = pod["containers"]
    assert pod["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
