"""The Job by which `catdog` reads a claim fits the pods that the operator makes."""

from typing import Any

import msgspec
import pytest

from catdog_client.cluster.files_job import build_files_job, own_container, storage_dir
from catdog_operator.manifests.deployment import build_deployment, inference_selector
from catdog_operator.manifests.training_job import Task, build_training_job
from catdog_operator.resolve import resolve
from tests.unit.operator.builders import some_connection, some_model, some_observed

Manifest = dict[str, Any]
BODY = {
    "apiVersion": "catdog.dev/v1alpha1",
    "kind": "CatDogModel",
    "metadata": {"name": "pets", "namespace": "kafka", "uid": "1234"},
}
CHOSEN = {"nodeSelector": {"zone": "a"}, "imagePullSecrets": [{"name": "registry"}]}


def templates(*, openshift: bool = False) -> dict[str, Manifest]:
    """Return the pod templates of a model's workers and of its trainer, which has photos on a claim."""
    photos = {"persistentVolumeClaim": {"claimName": "photos"}}
    model = some_model({"dataset": photos, "pod": CHOSEN}, inference={"pod": CHOSEN})
    resolved, connection = resolve(model), some_connection()
    surroundings = msgspec.structs.replace(some_observed().surroundings, openshift=openshift)
    workers = build_deployment(model, resolved, surroundings, version=1, connection=connection, near="pets")
    trainer = build_training_job(model, resolved, surroundings, Task(), connection=None, near="pets")
    return {"workers": workers["spec"]["template"], "trainer": trainer["spec"]["template"]}


@pytest.mark.parametrize("whose", ["workers", "trainer"])
def test_its_pod_runs_where_and_as_whom_the_models_pods_do_and_has_of_them_the_claim_alone(
    whose: str,
) -> None:
    template = templates()[whose]["spec"]
    pod = build_files_job(BODY, {"spec": template})["spec"]["template"]["spec"]
    for name in ("securityContext", "nodeSelector", "affinity", "imagePullSecrets"):
        assert pod[name] == template[name]
    assert pod["automountServiceAccountToken"] is False
    [container], [own] = pod["containers"], template["containers"]
    for name in ("image", "resources", "securityContext"):
        assert container[name] == own[name]
    assert pod["volumes"] == [{"name": "models", "persistentVolumeClaim": {"claimName": "pets-models"}}]
    assert container["volumeMounts"] == [{"name": "models", "mountPath": "/models", "readOnly": True}]
    assert storage_dir(own_container(pod)) == storage_dir(own)
    assert [variable["name"] for variable in container["env"]] == ["CATDOG_STORAGE_DIR"]


def test_on_openshift_the_platform_chooses_its_user_too() -> None:
    template = templates(openshift=True)["workers"]
    pod = build_files_job(BODY, template)["spec"]["template"]["spec"]
    assert pod["securityContext"].keys() == {"runAsNonRoot", "seccompProfile"}


def test_it_goes_by_itself_and_with_the_model() -> None:
    job = build_files_job(BODY, templates()["workers"])
    assert job["spec"]["activeDeadlineSeconds"] == 300
    assert (job["spec"]["ttlSecondsAfterFinished"], job["spec"]["backoffLimit"]) == (0, 0)
    [owner] = job["metadata"]["ownerReferences"]
    assert owner["uid"] == "1234"
    assert "controller" not in owner


def test_nobody_takes_its_pod_for_a_worker_or_a_trainer() -> None:
    labels = build_files_job(BODY, templates()["workers"])["spec"]["template"]["metadata"]["labels"]
    assert not inference_selector(some_model()).items() <= labels.items()
    assert "catdog.dev/model" not in labels
    assert labels["app.kubernetes.io/managed-by"] != "catdog-operator", "the operator does not see it"
