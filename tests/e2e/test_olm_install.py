"""The operator as OLM would install it from the bundle, for its own namespace: it watches that one."""

import json
from collections.abc import Iterator

import pytest

from release.bundle import product_version
from release.images import write_installs
from release.service_version import Release
from tests.cluster.instance import Instance
from tests.cluster.operator_process import deployment_scaled_down
from tests.e2e.models import Model
from tests.olm import install, read_bundle

HOME = "catdog-by-olm"
# Nothing is made of it, as the Kafka is not there: that this is told shows that the model is looked at.
SPEC = {"training": {"dataset": {"sample": {}}}, "kafka": {"strimzi": {"name": "nowhere"}}}


@pytest.fixture(scope="module")
def home(cluster: Instance, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give a namespace with the operator of the bundle, while the cluster's own stands still."""
    directory = tmp_path_factory.mktemp("bundle")
    write_installs(directory, cluster.images, Release(product_version(), ["amd64"], ""))
    objects = install(read_bundle(directory / "bundle"), HOME, watched=HOME)
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": HOME, "labels": labels}}
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": [namespace, *objects]})
    with deployment_scaled_down(cluster):
        cluster.kubectl("apply", "-f", "-", input=text)
        try:
            cluster.kubectl("rollout", "status", "deployment/catdog-operator", "-n", HOME, "--timeout=120s")
            yield HOME
        finally:
            cluster.kubectl("delete", "--ignore-not-found", "--timeout=120s", "-f", "-", input=text)


def test_it_looks_after_a_model_of_its_namespace_and_after_no_other(cluster: Instance, home: str) -> None:
    stray, pets = Model(cluster, "stray-of-olm"), Model(cluster, "pets", home)
    try:
        stray.apply(SPEC)
        pets.apply(SPEC)
        pets.await_status(lambda status: "KafkaNotFound" in json.dumps(status), "it says what is missing")
        body = json.loads(
            cluster.kubectl("get", "catdogmodel", stray.name, "-n", stray.namespace, "-o", "json")
        )
        assert "status" not in body
    finally:
        stray.delete()
        pets.delete()


def test_its_rights_are_enough(cluster: Instance, home: str) -> None:
    log = cluster.kubectl("logs", "deployment/catdog-operator", "-n", home)
    told = [line for line in log.splitlines() if json.loads(line)["severity"] not in ("debug", "info")]
    assert told == []
