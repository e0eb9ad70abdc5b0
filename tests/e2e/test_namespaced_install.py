"""The install for one namespace: it does all its work there, sees nothing else, and asks for nothing more."""

import json
import re
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.audit import NAMESPACED_USER, read_audit
from tests.cluster.cache import REPOSITORY
from tests.cluster.instance import Instance
from tests.cluster.operator_process import deployment_scaled_down
from tests.cluster.overlay import write_overlay
from tests.e2e.claims import reserve_claim
from tests.e2e.models import Model
from tests.e2e.trunks import ARCHITECTURE, lay_trunk
from tests.operator_log import complaints

HOME = "catdog"  # the namespace that the overlay names
INSTALL = REPOSITORY / "manifests" / "overlays" / "namespaced"
KAFKA = REPOSITORY / "tests" / "cluster" / "kafka.yaml"
SPEC = {
    "training": {"dataset": {"sample": {}}, "architecture": ARCHITECTURE, "epochs": 2},
    "kafka": {"strimzi": {"name": "my-cluster"}},
}


@pytest.fixture(scope="module")
def home(cluster: Instance, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give a namespace with a Kafka and an operator of its own, while the cluster's operator stands still."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": HOME, "labels": labels}}
    with deployment_scaled_down(cluster):
        _apply(cluster, namespace, *_kafka())
        _install_operator(cluster, tmp_path_factory.mktemp("namespaced"))
        yield HOME
        # Topics while there is somebody who lets them go, and they while nobody makes them again.
        for kind in ("catdogmodels", "kafkatopics"):
            cluster.kubectl("delete", kind, "--all", "-n", HOME, "--timeout=240s")
        cluster.kubectl("delete", "namespace", HOME, "--timeout=240s")


@pytest.fixture(scope="module")
def stray(cluster: Instance, home: str) -> Iterator[Model]:
    """Give a model in a namespace that the operator does not watch."""
    model = Model(cluster, "stray")
    model.apply(SPEC)
    yield model
    assert home
    model.delete()


@pytest.fixture(scope="module")
def pets(cluster: Instance, home: str, stray: Model) -> Model:
    """Return a model of the operator's namespace, which serves, and is younger than the stray one."""
    assert stray
    model = Model(cluster, "pets", home)
    reserve_claim(cluster, "pets-models", lambda directory: lay_trunk(cluster, directory, "pets"), home)
    model.apply(SPEC)
    model.await_ready(version=1)
    return model


def test_a_model_in_the_namespace_gets_all_its_children_and_serves(pets: Model) -> None:
    for kind, count in (
        ("jobs", 1),
        ("pvc", 1),
        ("deployments", 1),
        ("networkpolicies", 2),
        ("poddisruptionbudgets", 1),
        ("kafkatopics", 3),
        ("kafkausers", 1),
    ):
        assert len(pets.children(kind)) == count, kind


@pytest.mark.usefixtures("pets")
def test_a_model_elsewhere_is_left_alone(cluster: Instance, stray: Model) -> None:
    for kind in ("jobs", "pvc", "kafkatopics", "kafkausers", "networkpolicies"):
        assert stray.children(kind) == [], kind
    body = json.loads(cluster.kubectl("get", "catdogmodel", "stray", "-n", "kafka", "-o", "json"))
    assert "status" not in body


@pytest.mark.usefixtures("pets")
def test_its_log_tells_of_nothing_refused(cluster: Instance, home: str) -> None:
    log = cluster.kubectl("logs", "deployment/catdog-operator", "-n", home)
    assert "written" in log, "this is the log of its work"
    assert complaints(log) == []


@pytest.mark.usefixtures("pets")
def test_it_asks_only_for_what_its_role_grants_and_only_in_its_namespace(
    cluster: Instance, home: str
) -> None:
    entries = read_audit(cluster.layout.audit_log, user=NAMESPACED_USER)
    asked: dict[tuple[str, str], set[str]] = defaultdict(set)
    for entry in entries:
        if entry.resource:
            assert entry.namespace == home, entry
            subresource = f"/{entry.subresource}" if entry.subresource else ""
            asked[entry.group, entry.resource + subresource].add(entry.verb)
    granted = _granted()
    assert {what: verbs - granted[what] for what, verbs in asked.items() if verbs - granted[what]} == {}
    assert asked.keys() == granted.keys(), "each rule of the role was used"
    assert {entry.code for entry in entries if entry.code in (401, 403)} == set()


@pytest.mark.usefixtures("pets")
def test_the_operators_pod_shows_its_metrics(cluster: Instance, home: str) -> None:
    page = _metrics_of(cluster, home)
    assert 'catdog_operator_models{phase="Serving"} 1.0' in page
    shown = [each for each in page.splitlines() if each.startswith("catdog_operator_model_condition{")]
    assert len(shown) == 6, "all are of the one model that it may see"
    of = f'model="pets",model_namespace="{home}"'
    assert (
        f'catdog_operator_model_condition{{{of},reason="Serving",status="True",type="Serving"}} 1.0' in shown
    )
    assert _sum(page, 'catdog_operator_reconciles_total{outcome="settled"}') > 0
    assert _sum(page, "catdog_operator_reconcile_seconds_count") > 0
    assert _sum(page, 'catdog_operator_api_requests_total{code="200",method="PATCH"}') > 0
    assert re.findall('code="403"', page) == []


def _kafka() -> list[dict[str, Any]]:
    """Return the local cluster's Kafka, in the operator's namespace and without a way in from outside."""
    documents = [each for each in yaml.safe_load_all(KAFKA.read_text()) if each["kind"].startswith("Kafka")]
    wanted = [each for each in documents if each["kind"] != "KafkaUser"]
    for each in wanted:
        each["metadata"]["namespace"] = HOME
        if each["kind"] == "Kafka":
            listeners = each["spec"]["kafka"]["listeners"]
            each["spec"]["kafka"]["listeners"] = [each for each in listeners if each["type"] == "internal"]
    return wanted


def _apply(cluster: Instance, *objects: dict[str, Any]) -> None:
    listed = {"apiVersion": "v1", "kind": "List", "items": objects}
    cluster.kubectl("apply", "-f", "-", input=json.dumps(listed))


def _install_operator(cluster: Instance, overlay: Path) -> None:
    write_overlay(overlay, cluster.images, {}, base=INSTALL, namespace=HOME)
    cluster.kubectl("apply", "-k", str(overlay))
    cluster.kubectl("rollout", "status", "deployment/catdog-operator", "-n", HOME, "--timeout=240s")


def _granted() -> dict[tuple[str, str], set[str]]:
    role, _ = yaml.safe_load_all((INSTALL / "role.yaml").read_text())
    return {
        (group, resource): set(rule["verbs"])
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }


def _metrics_of(cluster: Instance, namespace: str) -> str:
    pod = ("pod", "-n", namespace, "-l", "app.kubernetes.io/component=operator")
    address = cluster.kubectl("get", *pod, "-o", "jsonpath={.items[0].status.podIP}")
    with urllib.request.urlopen(f"http://{address}:8081/metrics", timeout=60) as answer:
        page: bytes = answer.read()
    return page.decode()


def _sum(page: str, sample: str) -> float:
    return sum(float(line.split()[-1]) for line in page.splitlines() if line.startswith(sample))
