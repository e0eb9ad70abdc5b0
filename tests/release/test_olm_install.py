"""An operator with the rights and the environment that OLM would give it watches what it is told to."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from release.bundle import BUNDLE
from tests.cluster.instance import Instance, down, up_api_server
from tests.cluster.operator_process import operator_process
from tests.cluster.overlay import OPERATOR_NAMESPACE
from tests.e2e.models import Model
from tests.lanes import instance_name
from tests.olm import ALL_NAMESPACES, install, read_bundle
from tests.operator_log import complaints

HERE = f"{instance_name()}-olm"
# Nothing is made of it, as the Kafka is not there: that this is told shows that the model is looked at.
SPEC = {"training": {"dataset": {"sample": {}}}, "kafka": {"strimzi": {"name": "nowhere"}}}


class Installed(NamedTuple):
    """An operator that runs, and what it writes."""

    cluster: Instance
    watched: str
    log: Path


@pytest.fixture(
    scope="module", params=[ALL_NAMESPACES, OPERATOR_NAMESPACE], ids=["for all namespaces", "for its own"]
)
def installed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installed]:
    """Give a cluster with an operator that was installed for what the parameter names."""
    objects = install(read_bundle(BUNDLE), OPERATOR_NAMESPACE, request.param)
    [deployment] = [each for each in objects if each["kind"] == "Deployment"]
    down(HERE)
    try:
        cluster = up_api_server(HERE)
        for namespace in (OPERATOR_NAMESPACE, "elsewhere"):
            cluster.kubectl("create", "namespace", namespace)
        listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        cluster.kubectl("apply", "-f", "-", input=listed)
        directory, settings = tmp_path_factory.mktemp("operator"), environment_of(deployment)
        with operator_process(cluster, directory, settings=settings) as operator:
            yield Installed(cluster, request.param, operator.log)
    finally:
        down(HERE)


def environment_of(deployment: dict[str, Any]) -> dict[str, str]:
    """Return what a pod of the Deployment would see, its own annotations put in as a kubelet does."""
    template = deployment["spec"]["template"]
    [container] = template["spec"]["containers"]
    annotations = {
        f"metadata.annotations['{key}']": value for key, value in template["metadata"]["annotations"].items()
    }
    variables = [each for each in container["env"] if each["name"] != "HOME"]
    return {
        each["name"]: each.get("value") or annotations[each["valueFrom"]["fieldRef"]["fieldPath"]]
        for each in variables
    }


def test_it_looks_after_models_where_it_is_told_to(installed: Installed) -> None:
    cluster = installed.cluster
    stray, pets = Model(cluster, "stray", "elsewhere"), Model(cluster, "pets", OPERATOR_NAMESPACE)
    stray.apply(SPEC)
    pets.apply(SPEC)
    pets.await_status(is_looked_at, "it says what is missing")
    if installed.watched == ALL_NAMESPACES:
        stray.await_status(is_looked_at, "it says what is missing")
    else:
        body = json.loads(cluster.kubectl("get", "catdogmodel/stray", "-n", "elsewhere", "-o", "json"))
        assert "status" not in body


def is_looked_at(status: dict[str, Any]) -> bool:
    return "KafkaNotFound" in {each["reason"] for each in status.get("conditions", [])}


def test_its_rights_are_enough(installed: Installed) -> None:
    assert complaints(installed.log.read_text()) == []
