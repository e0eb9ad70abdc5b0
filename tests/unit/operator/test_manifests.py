"""The objects that the operator makes, whole: a change of any leaf is a change that a reviewer should see."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from catdog_operator.manifests.common import Manifest
from catdog_operator.manifests.deployment import settings_digest
from catdog_operator.manifests.kafka_login import Connection
from catdog_operator.manifests.training_job import job_settings_digest
from catdog_operator.observed import Observed
from catdog_operator.plan import plan
from catdog_operator.status_fields import ModelStatus, Version
from tests.unit.operator.builders import (
    some_bucket,
    some_claim,
    some_model,
    some_observed,
    some_training_topic,
)

GOLDEN = Path(__file__).parent / "golden"
V1 = Version(version=1, hash="572360246d", accuracy=0.91, photos=940, trained_at="2026-03-01T11:00:00Z")


def untrained() -> Observed:
    return some_observed(claim=None, topics={}, user=None)


def trained(**spec: object) -> Observed:
    return some_observed(some_model(None, ModelStatus(versions=(V1,)), **spec))


def everything_wanted(observed: Observed) -> dict[str, Manifest]:
    decision = plan(observed)
    return {each["kind"]: each for each in (*decision.create, *decision.apply)}


@pytest.mark.parametrize("kind", ["PersistentVolumeClaim", "Job", "KafkaUser", "KafkaTopic"])
def test_what_a_new_model_gets_is_as_reviewed(kind: str) -> None:
    compare_with_golden(kind, everything_wanted(untrained())[kind])


def test_the_deployment_is_as_reviewed() -> None:
    compare_with_golden("Deployment", everything_wanted(trained())["Deployment"])


def compare_with_golden(name: str, manifest: Manifest) -> None:
    """Compare with the file of that name; where there is none, write it for review, and fail."""
    golden = GOLDEN / f"{name}.json"
    if not golden.exists():
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(json.dumps(manifest, indent=2) + "\n")
        pytest.fail(f"{golden} was written: review it, and commit it")
    assert manifest == json.loads(golden.read_text()), f"if this is meant, delete {golden.name} and run again"


def test_on_openshift_the_platform_chooses_the_user() -> None:
    observed = untrained()
    surroundings = msgspec.structs.replace(observed.surroundings, openshift=True)
    job = everything_wanted(msgspec.structs.replace(observed, surroundings=surroundings))["Job"]
    assert pod_of(job)["securityContext"] == {
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def test_pods_are_drawn_to_one_node_only_where_only_one_mounts_the_claim() -> None:
    assert "podAffinity" in pod_of(everything_wanted(untrained())["Job"])["affinity"]
    shared = msgspec.structs.replace(trained(), claim=some_claim("pets-models", mode="ReadWriteMany"))
    assert "affinity" not in pod_of(everything_wanted(shared)["Deployment"])


def test_what_the_user_wants_of_a_pod_is_in_it() -> None:
    chosen = {
        "resources": {"limits": {"memory": "2Gi"}},
        "nodeSelector": {"zone": "a"},
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "priorityClassName": "high",
        "imagePullSecrets": [{"name": "registry"}],
    }
    pod = pod_of(everything_wanted(trained(inference={"pod": chosen}))["Deployment"])
    assert {key: pod[key] for key in chosen if key != "resources"} == {
        key: value for key, value in chosen.items() if key != "resources"
    }
    assert pod["containers"][0]["resources"] == {
        "requests": {"cpu": "100m"},  # a default request of memory could be over the user's limit
        "limits": {"memory": "2Gi"},
    }


def test_a_secret_to_pull_with_that_is_named_twice_is_named_once() -> None:
    twice = [{"name": "b"}, {"name": "a"}, {"name": "b"}]  # applied so, the API server fails at it
    pod = pod_of(everything_wanted(trained(inference={"pod": {"imagePullSecrets": twice}}))["Deployment"])
    assert pod["imagePullSecrets"] == [{"name": "b"}, {"name": "a"}]


@pytest.mark.parametrize(
    ("image_bytes", "limit"),
    [(1024, "1Gi"), (10 * 2**20, "1Gi"), (10 * 2**20 + 1, "1025Mi"), (99 * 2**20, "2448Mi")],
)
def test_a_worker_of_larger_images_may_take_more_memory(image_bytes: int, limit: str) -> None:
    kafka = {"strimzi": {"name": "my-cluster"}, "maxImageBytes": image_bytes}
    pod = pod_of(everything_wanted(trained(kafka=kafka))["Deployment"])
    assert pod["containers"][0]["resources"]["limits"] == {"memory": limit}


def test_the_users_photos_are_mounted_read_only() -> None:
    model = some_model({"dataset": {"persistentVolumeClaim": {"claimName": "photos", "path": "a/b/"}}})
    job = everything_wanted(some_observed(model, dataset_claim=some_claim("photos")))["Job"]
    [mounted] = [each for each in pod_of(job)["containers"][0]["volumeMounts"] if each["name"] == "data"]
    [volume] = [each for each in pod_of(job)["volumes"] if each["name"] == "data"]
    assert mounted["readOnly"] is True
    assert volume["persistentVolumeClaim"] == {"claimName": "photos", "readOnly": True}
    assert {"name": "CATDOG_DATASET_DIR", "value": "/data/a/b"} in pod_of(job)["containers"][0]["env"]


def test_of_the_buckets_secrets_the_trainer_gets_the_keys_that_it_needs_as_files_and_no_others() -> None:
    pod = pod_of(everything_wanted(some_observed(some_model(some_bucket())))["Job"])
    keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    assert {each["name"]: each["secret"] for each in pod["volumes"] if "secret" in each} == {
        "s3-credentials": {"secretName": "photos-s3", "items": [{"key": key, "path": key} for key in keys]},
        "s3-ca": {"secretName": "rgw-ca", "items": [{"key": "ca.crt", "path": "ca.crt"}]},
    }
    [container] = pod["containers"]
    mounts = {each["mountPath"]: each for each in container["volumeMounts"] if each["name"].startswith("s3-")}
    assert mounts.keys() == {"/var/run/catdog/s3-credentials", "/var/run/catdog/s3-ca"}
    assert all(each["readOnly"] for each in mounts.values())
    assert not [each for each in container["env"] if "valueFrom" in each or "SECRET" in each["name"]]


def test_without_a_ca_of_its_own_a_bucket_is_trusted_by_the_public_ones() -> None:
    bucket = some_bucket()
    del bucket["dataset"]["s3"]["caSecret"]
    model = some_model(bucket)
    pod = pod_of(everything_wanted(some_observed(model))["Job"])
    assert "s3-ca" not in {each["name"] for each in pod["volumes"]}
    assert "CATDOG_S3_CA_FILE" not in {each["name"] for each in pod["containers"][0]["env"]}


def test_a_storage_class_that_is_empty_is_not_one_that_is_absent() -> None:
    for chosen, spec in (({}, {}), ({"storageClassName": ""}, {"storageClassName": ""})):
        observed = some_observed(some_model(storage={"claim": chosen}), claim=None)
        claim = everything_wanted(observed)["PersistentVolumeClaim"]["spec"]
        assert {key: claim[key] for key in claim if key == "storageClassName"} == spec


def test_topics_and_claim_have_no_owner_and_so_stay_when_the_model_goes() -> None:
    owned = {
        kind for kind, each in everything_wanted(untrained()).items() if "ownerReferences" in each["metadata"]
    }
    assert owned == {"Job", "KafkaUser", "NetworkPolicy"}
    assert "ownerReferences" in everything_wanted(trained())["Deployment"]["metadata"]


def pod_of(manifest: Manifest) -> dict[str, Any]:
    pod: dict[str, Any] = manifest["spec"]["template"]["spec"]
    return pod


def test_an_edit_of_the_way_to_a_bucket_is_an_edit_of_the_job() -> None:
    """So a training that waits for its next attempt at a wrong endpoint begins at once at the right one."""
    edits: tuple[dict[str, object], ...] = (
        {},
        {"endpoint": "https://other"},
        {"region": "eu-1"},
        {"credentialsSecret": {"name": "other"}},
    )
    digests = {job_settings_digest(some_model(some_bucket(**edit)).spec.training) for edit in edits}
    assert len(digests) == len(edits)


def test_what_tells_an_edit_from_an_upgrade_does_not_change_with_a_release() -> None:
    """Else an upgrade would train or restart what nobody has edited: a new field counts where it is set."""
    model = some_model()
    assert job_settings_digest(model.spec.training) == "44136fa355"
    assert job_settings_digest(some_model(some_bucket()).spec.training) == "ad414b7c37"
    connection = Connection("kafka/my-cluster", "kafka:9093", "pets-catdog", ())
    from_topic = some_model(some_training_topic()).spec.training
    assert job_settings_digest(from_topic, connection) == "a35189f07b"
    assert settings_digest(model, connection, openshift=False) == "9b3ef14acd"
