"""Every pod that the operator makes passes the `restricted` admission, on OpenShift as elsewhere."""

import json
from typing import Any

import msgspec
import pytest

from catdog_operator.observed import Observed
from catdog_operator.plan import plan
from catdog_operator.status_fields import ModelStatus, Version
from tests.cluster.commands import CommandError
from tests.cluster.instance import Instance
from tests.e2e.models import NAMESPACE
from tests.unit.operator.builders import some_claim, some_model, some_observed

SAMPLE: dict[str, Any] = {"sample": {}}
CLAIM: dict[str, Any] = {"persistentVolumeClaim": {"claimName": "photos"}}
V1 = Version(version=1, hash="0123456789", accuracy=0.9, photos=940, trained_at="2026-03-01T11:00:00Z")


def pods_of(dataset: dict[str, Any], mode: str, *, openshift: bool) -> list[dict[str, Any]]:
    """Return a trainer's pod and a worker's, as the templates of Job and Deployment have them."""
    model = some_model({"dataset": dataset}, ModelStatus(versions=(V1,)))
    observed = some_observed(
        model, claim=some_claim("pets-models", mode=mode), dataset_claim=some_claim("photos")
    )
    decision = plan(_on(observed, openshift=openshift))
    makers = [each for each in (*decision.create, *decision.apply) if each["kind"] in ("Job", "Deployment")]
    assert len(makers) == 2
    return [
        {"apiVersion": "v1", "kind": "Pod", "spec": each["spec"]["template"]["spec"]}
        | {"metadata": {"name": f"security-{each['kind'].lower()}", "namespace": NAMESPACE}}
        for each in makers
    ]


def _on(observed: Observed, *, openshift: bool) -> Observed:
    surroundings = msgspec.structs.replace(observed.surroundings, openshift=openshift)
    return msgspec.structs.replace(observed, surroundings=surroundings)


def admit(cluster: Instance, pod: dict[str, Any]) -> None:
    """Let the API server judge a pod, which it then forgets."""
    cluster.kubectl("create", "--dry-run=server", "-f", "-", input=json.dumps(pod))


@pytest.mark.parametrize("openshift", [True, False])
@pytest.mark.parametrize("mode", ["ReadWriteOnce", "ReadWriteMany"])
@pytest.mark.parametrize("dataset", [SAMPLE, CLAIM], ids=["sample", "claim"])
def test_trainer_and_worker_are_admitted(
    cluster: Instance, dataset: dict[str, Any], mode: str, *, openshift: bool
) -> None:
    for pod in pods_of(dataset, mode, openshift=openshift):
        admit(cluster, pod)


def test_a_pod_with_a_privilege_more_is_not_admitted(cluster: Instance) -> None:
    pod = pods_of(SAMPLE, "ReadWriteOnce", openshift=False)[0]
    pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    with pytest.raises(CommandError, match='violates PodSecurity "restricted'):
        admit(cluster, pod)


def test_the_namespaces_of_operator_and_models_enforce_it(cluster: Instance) -> None:
    for namespace in (NAMESPACE, "catdog-system"):
        labels = json.loads(
            cluster.kubectl("get", "namespace", namespace, "-o", "jsonpath={.metadata.labels}")
        )
        assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
