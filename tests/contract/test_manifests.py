"""The manifests that people apply: the Role is what the operator uses, the samples are what the CRD has."""

import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from catdog_operator.config import read_config, read_images
from catdog_operator.kinds import KIND_OF
from catdog_operator.manifests.common import build_labels
from catdog_operator.resolve import resolve
from catdog_operator.resource import parse_model
from tests.crd import Schema, model_schema, with_defaults
from tests.unit.operator.builders import some_model

ROOT = Path(__file__).parents[2]
BASE = ROOT / "manifests" / "base"
NAMESPACED = ROOT / "manifests" / "overlays" / "namespaced"
SAMPLES = ROOT / "manifests" / "samples"
# kopf watches for kinds that appear, so that Strimzi may be installed after the operator.
Rights = dict[tuple[str, str], set[str]]

KOPF: Rights = {("apiextensions.k8s.io", "customresourcedefinitions"): {"list", "watch"}}
CLUSTER_WIDE = (BASE / "rbac.yaml", "ClusterRole", KOPF)
IN_ONE_NAMESPACE: tuple[Path, str, Rights] = (NAMESPACED / "role.yaml", "Role", {})


def documents(path: Path) -> list[dict[str, Any]]:
    return [each for each in yaml.safe_load_all(path.read_text()) if each]


def find(path: Path, kind: str) -> dict[str, Any]:
    [found] = [each for each in documents(path) if each["kind"] == kind]
    return found


@pytest.mark.parametrize(("file", "kind", "besides"), [CLUSTER_WIDE, IN_ONE_NAMESPACE])
def test_the_role_has_exactly_the_verbs_that_the_operator_uses(
    file: Path, kind: str, besides: Rights
) -> None:
    granted: Rights = defaultdict(set)
    for rule in find(file, kind)["rules"]:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                granted[group, resource] |= set(rule["verbs"])
    assert granted == used_rights() | besides


def used_rights() -> Rights:
    used: Rights = {}
    for kind in KIND_OF.values():
        used[kind.group, kind.plural] = set(kind.verbs)
        for each in kind.subresources:
            verb, subresource = each.split()
            used[kind.group, f"{kind.plural}/{subresource}"] = {verb}
    return used


@pytest.mark.parametrize("file", [CLUSTER_WIDE[0], IN_ONE_NAMESPACE[0]], ids=lambda path: path.name)
def test_every_rule_of_the_role_says_why(file: Path) -> None:
    lines = file.read_text().splitlines()
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
    config = read_config(environment)
    assert ports(container) == {"http": config.http_port, "metrics": config.metrics_port}
    assert config.namespaces == ()


def ports(container: dict[str, Any]) -> dict[str, int]:
    return {each["name"]: each["containerPort"] for each in container["ports"]}


def test_in_one_namespace_nothing_is_installed_that_is_the_clusters_and_that_one_is_watched() -> None:
    [overlay] = documents(NAMESPACED / "kustomization.yaml")
    [*removed, patched] = [yaml.safe_load(each["patch"]) for each in overlay["patches"]]
    assert {each["kind"] for each in removed} == {"Namespace", "ClusterRole", "ClusterRoleBinding"}
    assert {each["$patch"] for each in removed} == {"delete"}
    [container] = patched["spec"]["template"]["spec"]["containers"]
    watched = {"name": "CATDOG_NAMESPACES", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}}
    assert container == {"name": "operator", "env": [watched]}
    assert read_config({"CATDOG_NAMESPACES": "cats,dogs"}).namespaces == ("cats", "dogs")


def test_the_operators_pod_reaches_dns_and_the_api_server_and_nothing_else() -> None:
    spec = find(BASE / "networkpolicy.yaml", "NetworkPolicy")["spec"]
    template = find(BASE / "deployment.yaml", "Deployment")["spec"]["template"]
    assert spec["podSelector"]["matchLabels"] == template["metadata"]["labels"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert opened(spec["egress"]) == {
        *((protocol, port) for protocol in ("UDP", "TCP") for port in (53, 5353)),
        ("TCP", 443),
        ("TCP", 6443),
    }


def test_the_operators_pod_is_reached_at_its_own_ports_alone() -> None:
    spec = find(BASE / "networkpolicy.yaml", "NetworkPolicy")["spec"]
    [container] = find(BASE / "deployment.yaml", "Deployment")["spec"]["template"]["spec"]["containers"]
    assert opened(spec["ingress"]) == {("TCP", port) for port in ports(container).values()}


def opened(rules: list[dict[str, Any]]) -> set[tuple[str, int]]:
    """Return the ports that rules open, each to anybody."""
    assert all(rule.keys() == {"ports"} for rule in rules)
    return {(port["protocol"], port["port"]) for rule in rules for port in rule["ports"]}


def test_the_operators_policy_selects_no_pod_of_a_model() -> None:
    spec = find(BASE / "networkpolicy.yaml", "NetworkPolicy")["spec"]
    for component in ("training", "inference", "shadow"):
        assert not spec["podSelector"]["matchLabels"].items() <= build_labels(some_model(), component).items()


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
