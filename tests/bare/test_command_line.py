"""What `kubectl catdog` says of a cluster that lacks what models need, until it has it."""

import json
import subprocess
from collections.abc import Iterator

import pytest

from tests.cluster.install import PRODUCT_CRDS, STRIMZI_CRDS, apply_crds
from tests.cluster.instance import Instance, down, up_api_server

CRD = "CRD catdogmodels.catdog.dev"
DEFAULT_CLASS = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {"name": "fast", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
    "provisioner": "example.com/none",
}
HISTORY = "/spec/versions/0/schema/openAPIV3Schema/properties/status/properties/history"
OLDER_CRD = json.dumps([{"op": "remove", "path": HISTORY}])


@pytest.fixture(scope="module")
def empty(bare: str) -> Iterator[Instance]:
    """Give an API server without CRDs."""
    yield up_api_server(bare, with_crds=False)
    down(bare)


def run(cluster: Instance, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ("kubectl", "catdog", *arguments)
    return subprocess.run(command, env=cluster.environment(), capture_output=True, text=True, check=False)


def faults(cluster: Instance) -> set[str]:
    """Return what the doctor finds missing."""
    ended = run(cluster, "doctor", "--output=json")
    checks = json.loads(ended.stdout)
    found = {each["name"] for each in checks if each["verdict"] == "fault"}
    assert ended.returncode == (1 if found else 0)
    assert all(each["remedy"] for each in checks if each["verdict"] != "ok")
    return found


def await_faults(cluster: Instance, expected: set[str]) -> None:
    """Ask until these are missing: the API server tells of new kinds and schemas a moment later."""
    for _ in range(60):
        if (found := faults(cluster)) == expected:
            return
    raise AssertionError(f"{found} are missing, and not {expected}")


def test_an_empty_cluster_lacks_everything_and_has_no_models(empty: Instance) -> None:
    assert faults(empty) == {CRD, "operator", "Strimzi", "storage"}
    ended = run(empty, "status")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith(
        "kubectl catdog: the cluster has no catdogmodels.catdog.dev of version v1alpha1"
    )


def test_what_is_installed_is_missed_no_longer(empty: Instance) -> None:
    apply_crds(empty, PRODUCT_CRDS, STRIMZI_CRDS)
    empty.kubectl("apply", "-f", "-", input=json.dumps(DEFAULT_CLASS))
    await_faults(empty, {"operator", "Kafka"})


def test_an_older_crd_is_told_by_what_it_lacks(empty: Instance) -> None:
    apply_crds(empty, PRODUCT_CRDS, STRIMZI_CRDS)
    empty.kubectl("apply", "-f", "-", input=json.dumps(DEFAULT_CLASS))
    empty.kubectl("patch", "crd", "catdogmodels.catdog.dev", "--type=json", "-p", OLDER_CRD)
    await_faults(empty, {CRD, "operator", "Kafka"})
    assert "it lacks status.history.version" in run(empty, "doctor").stdout
