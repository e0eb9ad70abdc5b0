"""The console's manifests: off by default, read-only, reached by nobody; its pod is told what it reads."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from catdog_common.environment import PREFIX, read_environment
from catdog_console.config import Config
from catdog_operator.manifests.common import build_labels
from catdog_operator.manifests.kafka_topic import CLUSTER_LABEL
from catdog_operator.manifests.network_policy import NAME_LABEL
from catdog_operator.manifests.pod import HTTP_PORT
from tests.unit.operator.builders import some_model

MANIFESTS = Path(__file__).parents[2] / "manifests"
CONSOLE = MANIFESTS / "console"


def documents(path: Path) -> list[dict[str, Any]]:
    return [each for each in yaml.safe_load_all(path.read_text()) if each]


def find(kind: str) -> dict[str, Any]:
    resources = documents(CONSOLE / "kustomization.yaml")[0]["resources"]
    [found] = [each for file in resources for each in documents(CONSOLE / file) if each["kind"] == kind]
    return found


@pytest.fixture
def pod() -> dict[str, Any]:
    template: dict[str, Any] = find("Deployment")["spec"]["template"]
    return template


@pytest.fixture
def container(pod: dict[str, Any]) -> dict[str, Any]:
    [found] = pod["spec"]["containers"]
    assert isinstance(found, dict)
    return found


def test_no_install_of_the_operator_brings_the_console() -> None:
    for file in MANIFESTS.rglob("kustomization.yaml"):
        if file.parent != CONSOLE:
            assert not [each for each in documents(file)[0].get("resources", []) if "console" in each], file


def test_what_the_pod_is_told_is_what_the_console_reads(container: dict[str, Any]) -> None:
    fields = {f"{PREFIX}{name.upper()}" for name in Config.__struct_fields__}
    assert {each["name"] for each in container["env"]} <= fields
    config = read_environment(Config, {each["name"]: each.get("value", "kafka") for each in container["env"]})
    assert config.namespaces == ("kafka",)
    mounts = {each["mountPath"] for each in container["volumeMounts"] if each.get("readOnly")}
    assert {config.kafka_ca_dir, config.kafka_user_dir} == mounts
    assert config.kafka_login().servers == "my-cluster-kafka-bootstrap.kafka.svc:9093"


def test_its_role_lets_it_look_at_models_and_pods_and_nothing_else() -> None:
    granted = defaultdict[tuple[str, str], set[str]](set)
    for rule in find("Role")["rules"]:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                granted[group, resource] |= set(rule["verbs"])
    assert granted == {("catdog.dev", "catdogmodels"): {"list", "watch"}, ("", "pods"): {"list"}}


def test_every_rule_of_the_role_says_why() -> None:
    lines = (CONSOLE / "rbac.yaml").read_text().splitlines()
    rules = [number for number, line in enumerate(lines) if line.startswith("  - apiGroups")]
    assert rules
    for number in rules:
        assert lines[number - 1].startswith("  # "), lines[number]


def test_the_role_is_bound_to_the_account_of_the_pod(pod: dict[str, Any]) -> None:
    account, binding = find("ServiceAccount")["metadata"]["name"], find("RoleBinding")
    assert pod["spec"]["serviceAccountName"] == account
    assert binding["roleRef"]["name"] == find("Role")["metadata"]["name"]
    assert [(each["kind"], each["name"]) for each in binding["subjects"]] == [("ServiceAccount", account)]


def test_the_pod_meets_the_restricted_standard(pod: dict[str, Any], container: dict[str, Any]) -> None:
    assert pod["spec"]["securityContext"] == {
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    assert {"requests", "limits"} <= container["resources"].keys()


def test_a_photo_could_be_written_nowhere(pod: dict[str, Any], container: dict[str, Any]) -> None:
    assert [each["name"] for each in pod["spec"]["volumes"] if "secret" not in each] == []
    assert all(each["readOnly"] for each in container["volumeMounts"])


def test_no_port_of_the_pod_is_offered_to_the_network(container: dict[str, Any]) -> None:
    assert "ports" not in container
    assert read_environment(Config, {"CATDOG_NAMESPACES": "kafka"}).host == "127.0.0.1"
    assert not [each for each in CONSOLE.glob("*.yaml") if "kind: Service\n" in each.read_text()]
    assert find("NetworkPolicy")["spec"]["ingress"] == []


def test_the_pod_reaches_dns_the_api_server_brokers_and_workers(pod: dict[str, Any]) -> None:
    spec = find("NetworkPolicy")["spec"]
    assert spec["podSelector"]["matchLabels"] == pod["metadata"]["labels"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    *anywhere, brokers, workers = spec["egress"]
    assert {(port["protocol"], port["port"]) for rule in anywhere for port in rule["ports"]} == {
        *((protocol, port) for protocol in ("UDP", "TCP") for port in (53, 5353)),
        ("TCP", 443),
        ("TCP", 6443),
    }
    assert selected(brokers) == {CLUSTER_LABEL: "my-cluster", NAME_LABEL: "my-cluster-kafka"}
    assert selected(workers).items() <= build_labels(some_model(), "inference").items()
    assert workers["ports"] == [{"protocol": "TCP", "port": HTTP_PORT}]


def selected(rule: dict[str, Any]) -> dict[str, str]:
    """Return the labels of the pods that a rule leads to."""
    [to] = rule["to"]
    labels: dict[str, str] = to["podSelector"]["matchLabels"]
    return labels


def test_in_kafka_it_writes_photos_reads_one_models_topics_and_joins_no_group(pod: dict[str, Any]) -> None:
    user = find("KafkaUser")
    rights = defaultdict[str, set[str]](set)
    for each in user["spec"]["authorization"]["acls"]:
        assert (each["resource"]["type"], each["resource"]["patternType"]) == ("topic", "literal")
        rights[each["resource"]["name"]] |= set(each["operations"])
    assert rights == {
        "pets-images": {"Write", "Read", "DescribeConfigs"},
        "pets-predictions": {"Read"},
        "pets-dead-letters": {"Read"},
        "pets-predictions-shadow": {"Read"},
    }
    secrets = {each["name"]: each.get("secret") for each in pod["spec"]["volumes"]}
    assert secrets["kafka-user"] == {"secretName": user["metadata"]["name"]}


def test_the_kubelet_asks_by_a_module_that_is_there(container: dict[str, Any]) -> None:
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        *_, module = container[probe]["exec"]["command"]
        assert (MANIFESTS.parent / "console" / f"{module.replace('.', '/')}.py").exists()
