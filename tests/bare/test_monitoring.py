"""What is given to prometheus-operator is what its schemas have, and the how-to can be followed."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.alerts import MONITORING, read_pod_monitors
from tests.cluster.cache import REPOSITORY, default_cache
from tests.cluster.commands import CommandError
from tests.cluster.install import apply_crds
from tests.cluster.instance import Instance, down, up_api_server
from tests.cluster.programs import make_prometheus_crds
from tests.howto import read_blocks, run_section

HOWTO = REPOSITORY / "docs" / "how-to" / "monitoring.md"
NAMESPACES = ("catdog-system", "kafka")
OBJECTS = "podmonitors,prometheusrules"
NAMES = "jsonpath={.items[*].metadata.name}"
OF_OPERATOR = ["catdog-operator", "catdog-operator"]
OF_MODELS = ["catdog-models", "catdog-shadows", "catdog-trainings", "catdog-workers"]


@pytest.fixture(scope="module")
def api_server(bare: str) -> Iterator[Instance]:
    """Give an API server with the CRDs of prometheus-operator."""
    cluster = up_api_server(bare)
    crds = make_prometheus_crds(default_cache())
    apply_crds(cluster, *(crds / f"monitoring.coreos.com_{kind}.yaml" for kind in OBJECTS.split(",")))
    for namespace in NAMESPACES:
        cluster.kubectl("create", "namespace", namespace)
    yield cluster
    down(bare)


@pytest.fixture(autouse=True)
def _nothing_is_there(api_server: Instance) -> None:
    for namespace in NAMESPACES:
        api_server.kubectl("delete", f"{OBJECTS},configmaps", "--all", "--namespace", namespace)


def test_on_a_cluster_all_is_in_the_operators_namespace_and_looks_into_every_other(
    api_server: Instance,
) -> None:
    run_section(HOWTO, "Switch it on", REPOSITORY, api_server.environment())
    assert names(api_server, "catdog-system") == sorted(OF_OPERATOR + OF_MODELS)
    monitors = items(api_server, "podmonitors", "--namespace=catdog-system")
    anywhere = [each for each in monitors if each["spec"].get("namespaceSelector") == {"any": True}]
    assert [each["metadata"]["name"] for each in anywhere] == [
        "catdog-shadows",
        "catdog-trainings",
        "catdog-workers",
    ]
    [dashboard] = items(api_server, "configmaps", "--all-namespaces", "--selector=grafana_dashboard=1")
    assert json.loads(dashboard["data"]["catdog.json"])["title"] == "CatDog"


def test_on_openshift_each_part_is_where_its_pods_are(api_server: Instance) -> None:
    run_section(HOWTO, "On OpenShift", REPOSITORY, api_server.environment())
    assert names(api_server, "catdog-system") == OF_OPERATOR
    assert names(api_server, "kafka") == OF_MODELS


def test_an_overlay_puts_the_label_on_all_that_a_prometheus_asks_for(
    api_server: Instance, tmp_path: Path
) -> None:
    [block] = [each for each in read_blocks(HOWTO.read_text()) if each.section == "If nothing comes"]
    overlay = block.text.replace("manifests/monitoring", os.path.relpath(MONITORING, tmp_path.resolve()))
    (tmp_path / "kustomization.yaml").write_text(overlay)
    made = list(yaml.safe_load_all(api_server.kubectl("kustomize", str(tmp_path))))
    assert {each["metadata"]["labels"]["release"] for each in made} == {"kube-prometheus-stack"}
    selectors = [each["spec"]["selector"]["matchLabels"] for each in made if each["kind"] == "PodMonitor"]
    assert len(selectors) == len(read_pod_monitors())
    assert not any("release" in each for each in selectors)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("targetLabel: job", "target: job"),
        ("action: labeldrop", "action: dropLabel"),
        ("for: 5m", "for: five minutes"),
        ("any: true", "all: true"),
        ("podMetricsEndpoints:", "podMetricEndpoints:"),
    ],
)
def test_a_mistake_would_be_refused(api_server: Instance, right: str, wrong: str) -> None:
    text = api_server.kubectl("kustomize", str(MONITORING))
    assert right in text
    dry_run = ("apply", "--dry-run=server", "--validate=strict", "--filename=-")
    api_server.kubectl(*dry_run, input=text)
    with pytest.raises(CommandError):
        api_server.kubectl(*dry_run, input=text.replace(right, wrong))


def names(cluster: Instance, namespace: str) -> list[str]:
    return sorted(cluster.kubectl("get", OBJECTS, "--namespace", namespace, "-o", NAMES).split())


def items(cluster: Instance, kind: str, *where: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(cluster.kubectl("get", kind, *where, "-o", "json"))["items"]
    return found
