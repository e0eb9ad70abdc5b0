"""OpenShift's ways, found by its API group: a real API server with the group and without, and no node."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from catdog_operator.resolve import resolve
from tests.cluster.instance import Instance, down, up_api_server
from tests.cluster.operator_process import install_rights, operator_process
from tests.e2e.conftest import INSTANCE
from tests.e2e.models import Model
from tests.unit.operator.builders import some_model

NAMESPACE = "zoo"
SPEC = {"training": {"dataset": {"sample": {}}}, "kafka": {"strimzi": {"name": "my-cluster"}}}
# All that is looked for is the group; OpenShift has it for this kind.
CONSTRAINTS: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "securitycontextconstraints.security.openshift.io"},
    "spec": {
        "group": "security.openshift.io",
        "scope": "Cluster",
        "names": {"kind": "SecurityContextConstraints", "plural": "securitycontextconstraints"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
                },
            }
        ],
    },
}


@pytest.fixture(scope="module")
def api_server() -> Iterator[Instance]:
    """Give an API server with the operator's rights and no operator; it goes when these tests end."""
    instance = up_api_server(f"{INSTANCE}-openshift")
    try:
        install_rights(instance)
        instance.kubectl("create", "namespace", NAMESPACE)
        yield instance
    finally:
        down(instance.name)


def test_where_the_group_is_absent_the_operator_sets_user_and_groups(
    api_server: Instance, tmp_path: Path
) -> None:
    assert security_of_a_trainer(api_server, "plain", tmp_path) == {
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
        "runAsUser": 1001,
        "runAsGroup": 0,
        "fsGroup": 1001,
        "fsGroupChangePolicy": "OnRootMismatch",
    }


def test_where_the_group_is_present_the_platform_sets_them(api_server: Instance, tmp_path: Path) -> None:
    api_server.kubectl("apply", "-f", "-", input=json.dumps(CONSTRAINTS))
    api_server.kubectl("wait", "crd", CONSTRAINTS["metadata"]["name"], "--for=condition=Established")
    assert security_of_a_trainer(api_server, "openshift", tmp_path) == {
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def security_of_a_trainer(api_server: Instance, name: str, directory: Path) -> dict[str, Any]:
    """Let an operator start that makes a model's Job; return its pod's security context."""
    model = Model(api_server, name, NAMESPACE)
    model.apply(SPEC)
    expected = f"job/{name}-train-{resolve(some_model()).hash}"
    # Not its status: a watch on a kind whose CRD is seconds old may miss what happens (seen with 1.34).
    with operator_process(api_server, directory):
        api_server.kubectl("wait", expected, "-n", NAMESPACE, "--for=create", "--timeout=60s")
    [job] = model.children("jobs")
    security: dict[str, Any] = job["spec"]["template"]["spec"]["securityContext"]
    return security
