"""Gate, pin, rollback, pause and retention on the real cluster; the tests go on from one another's state."""

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.instance import Instance
from tests.e2e.claims import SAMPLE_HASH, make_claim, reserve_claim
from tests.e2e.models import NAMESPACE, Model, Status, condition
from tests.e2e.pods import run_to_end
from tests.e2e.trunks import ARCHITECTURE, lay_trunk
from tests.tiny_version import publish_tiny_version

EPOCHS = 5
GOOD, BAD = (
    "good",
    "bad",
)  # directories of the photos' claim; in the bad one each training photo has the other label
# What a worker does before it asks Kafka for anything; and who it is.
LOAD = (
    "import os; from catdog_inference.__main__ import load_predictor, read_environment, Config; "
    "load_predictor(read_environment(Config, os.environ), 1); "
    "print(os.getuid(), file=open('/dev/termination-log', 'w'))"
)


@pytest.fixture(scope="module")
def gated(cluster: Instance) -> Iterator[Model]:
    """Return a model with a gate and room for two versions, on drawings of which sixty are for validation."""
    make_claim(cluster, "gated-photos", fill=_draw)
    reserve_claim(cluster, "gated-models", fill=lambda directory: lay_trunk(cluster, directory, "gated"))
    model = Model(cluster, "gated")
    model.apply(
        {
            "training": {
                "dataset": {"persistentVolumeClaim": {"claimName": "gated-photos", "path": GOOD}},
                "architecture": ARCHITECTURE,
                "epochs": EPOCHS,
            },
            "storage": {"keepVersions": 2},
            "promotion": {"minAccuracy": 0.8, "maxAccuracyDrop": 0.1},
            "kafka": {"strimzi": {"name": "my-cluster"}},
        }
    )
    yield model
    model.delete()


def test_a_version_that_passes_the_gate_serves(gated: Model) -> None:
    status = gated.await_ready(version=1)
    assert verdicts(status) == {1: "Passed"}
    assert condition(status, "Promoted")[:2] == ("True", "Promoted")
    assert [(change["version"], change["reason"]) for change in status["history"]] == [(1, "Promoted")]


def test_a_version_that_fails_the_gate_is_kept_and_not_served(gated: Model) -> None:
    gated.patch({"training": {"dataset": {"persistentVolumeClaim": {"path": BAD}}}})
    status = gated.await_status(lambda each: 2 in verdicts(each), "version 2 is judged")
    status = gated.await_status(lambda each: condition(each, "Promoted")[1] == "BelowMinAccuracy", "refused")
    assert verdicts(status) == {2: "Failed", 1: "Passed"}
    comparison = status["versions"][0]["comparison"]
    assert (comparison["championVersion"], comparison["photos"]) == (1, 60)
    assert comparison["championCorrect"] >= 48
    correct = comparison["correct"]
    assert condition(status, "Promoted")[2] == (
        f"version 2 gets {correct} of 60 validation photos right ({correct / 60:.1%}), and "
        "spec.promotion.minAccuracy asks for 80.0%; version 1 goes on serving. "
        "To serve it all the same: spec.inference.modelVersion: 2"
    )
    assert status["inference"]["servedVersion"] == 1
    assert condition(status, "Ready")[0] == "True"


def test_a_pin_serves_what_the_gate_has_refused(gated: Model, figures: list[str]) -> None:
    started = time.monotonic()
    gated.patch({"inference": {"modelVersion": 2}})
    status = gated.await_ready(version=2)
    figures.append(f"from a pin to its version being served: {time.monotonic() - started:.1f} s")
    assert condition(status, "Promoted")[1] == "Pinned"
    assert status["history"][0]["reason"] == "Pinned"


def test_a_pin_to_a_version_that_is_not_there_leaves_what_serves(gated: Model) -> None:
    gated.patch({"inference": {"modelVersion": 7}})
    message = "version 7 is not on the claim; it has 1 and 2; version 2 goes on serving"
    status = gated.await_condition("Promoted", ("False", "VersionNotFound", message))
    assert status["inference"]["servedVersion"] == 2
    assert condition(status, "Ready")[0] == "True"


def test_an_edit_back_rolls_back_within_seconds_and_trains_nothing(gated: Model, figures: list[str]) -> None:
    jobs = names(gated, "jobs")
    started = time.monotonic()
    good = {"persistentVolumeClaim": {"path": GOOD}}
    gated.patch({"training": {"dataset": good}, "inference": {"modelVersion": None}})
    status = gated.await_ready(version=1)
    figures.append(f"from an edit back to its version being served: {time.monotonic() - started:.1f} s")
    assert status["history"][0]["reason"] == "RolledBack"
    assert names(gated, "jobs") <= jobs


def test_while_paused_nothing_is_changed_and_afterwards_all_is_caught_up(gated: Model) -> None:
    gated.patch({"paused": True})
    gated.await_status(lambda each: each["phase"] == "Paused", "paused")
    gated.patch({"training": {"seed": 7}, "inference": {"replicas": 2}})
    before = names(gated, "jobs")
    edit = gated.generation()
    gated.await_status(
        lambda each: (each["phase"], each["observedGeneration"]) == ("Paused", edit),
        "the edit was seen",
    )
    [deployment] = gated.children("deployments")
    assert deployment["spec"]["replicas"] == 1
    assert names(gated, "jobs") == before
    gated.patch({"paused": False})
    gated.await_status(lambda each: each["inference"].get("readyReplicas") == 2, "scaled")
    gated.patch({"inference": {"replicas": 1}})


def test_the_oldest_versions_go_and_never_the_one_that_serves(cluster: Instance, gated: Model) -> None:
    status = gated.await_ready(version=3)
    assert [each["version"] for each in status["versions"]] == [3, 1], "1 served when the training began"
    gated.patch({"training": {"seed": 8}})
    status = gated.await_ready(version=4)
    assert [each["version"] for each in status["versions"]] == [4, 3]
    on_the_claim = cluster.claim_path(NAMESPACE, "gated-models") / "gated" / "versions"
    assert {path.name for path in on_the_claim.iterdir()} == {"3", "4"}


def test_by_hand_a_version_waits_until_it_is_named(gated: Model) -> None:
    gated.patch({"promotion": {"policy": "Manual"}, "training": {"seed": 9}})
    status = gated.await_status(
        lambda each: condition(each, "Promoted")[1] == "WaitingForPromotion", "waits to be promoted"
    )
    assert status["inference"]["servedVersion"] == 4
    gated.patch({"inference": {"modelVersion": 5}})
    gated.await_ready(version=5)


def test_what_happened_is_told_by_events_each_once(cluster: Instance, gated: Model) -> None:
    look = ("catdogmodel", gated.name, "-n", NAMESPACE, "-o", "jsonpath={.metadata.uid}")
    about = f"--field-selector=involvedObject.uid={cluster.kubectl('get', *look)}"
    events = json.loads(cluster.kubectl("get", "events", "-n", NAMESPACE, about, "-o", "json"))["items"]
    told = [(event["reason"], event["message"]) for event in events]
    assert sorted(told) == sorted(set(told))
    assert {reason for reason, _ in told} >= {
        "TrainingStarted",
        "VersionPublished",
        "Promoted",
        "PromotionRefused",
        "Pinned",
        "RolledBack",
        "WaitingForPromotion",
    }
    described = cluster.kubectl("describe", "catdogmodel/gated", "-n", NAMESPACE)
    assert "BelowMinAccuracy: version 2 gets " in described


def test_pods_of_different_users_share_a_claim(cluster: Instance, gated: Model) -> None:
    """On OpenShift each namespace has users of its own, and a claim that came from another has others'."""
    [job] = gated.children("jobs")
    trainer = as_user(
        job["spec"]["template"]["spec"], 2001, CATDOG_TRAINING_HASH="0123456789", CATDOG_SEED="3"
    )
    result = json.loads(run_to_end(cluster, "trainer-of-another-user", trainer))
    assert result["version"] == 6
    [deployment] = gated.children("deployments")
    worker = as_user(deployment["spec"]["template"]["spec"], 3001, CATDOG_MODEL_VERSION="6")
    worker["containers"][0]["command"] = [
        "python3",
        "-c",
        LOAD,
    ]
    del worker["containers"][0]["readinessProbe"], worker["containers"][0]["livenessProbe"]
    assert run_to_end(cluster, "worker-of-another-user", worker) == "3001\n"


def test_models_that_share_a_claim_do_not_meet(cluster: Instance) -> None:
    make_claim(cluster, "shared-models", fill=_lay_versions, mode="ReadWriteMany")
    models = [Model(cluster, name) for name in ("first", "second")]
    for model in models:
        model.apply(
            {
                "training": {"dataset": {"sample": {}}},
                "storage": {"existingClaim": "shared-models"},
                "kafka": {"strimzi": {"name": "my-cluster"}},
            }
        )
    found = [[each["version"] for each in model.await_ready()["versions"]] for model in models]
    assert found == [[2, 1], [1]]
    for model in models:
        model.delete()


def test_a_claim_that_is_deleted_is_told_and_its_versions_are_forgotten_when_it_is_gone(
    cluster: Instance,
) -> None:
    claim = "lost-models"
    reserve_claim(cluster, claim, lambda directory: _lay_versions_of(directory, "lost", 1))
    model = Model(cluster, "lost")
    model.apply({"training": {"dataset": {"sample": {}}}, "kafka": {"strimzi": {"name": "my-cluster"}}})
    model.await_ready(version=1)
    cluster.kubectl("delete", "pvc", claim, "-n", NAMESPACE, "--wait=false")
    status = model.await_status(lambda each: condition(each, "StorageReady")[1] == "ClaimLeaving", "told")
    assert f"{claim} was deleted, and goes with all versions" in condition(status, "StorageReady")[2]
    assert (condition(status, "Serving")[0], status["inference"]["servedVersion"]) == ("True", 1)
    reserve_claim(cluster, claim, lambda directory: _lay_versions_of(directory, "lost", 2))
    model.patch({"inference": {"replicas": 0}})
    model.await_status(
        lambda each: [version["version"] for version in each.get("versions", [])] == [2, 1],
        "what is on the new claim is known",
    )
    model.patch({"inference": {"replicas": 1}})
    model.await_ready(version=2)
    model.delete()


def verdicts(status: Status) -> dict[int, str]:
    """Return the gate's verdict on each version."""
    return {each["version"]: each["verdict"] for each in status.get("versions", [])}


def names(model: Model, kind: str) -> set[str]:
    """Return the names of the model's objects of a kind."""
    return {each["metadata"]["name"] for each in model.children(kind)}


def as_user(pod: dict[str, Any], user: int, **environment: str) -> dict[str, Any]:
    """Return a pod's spec with another user, and with these variables in its environment."""
    changed: dict[str, Any] = json.loads(json.dumps(pod))
    changed["securityContext"]["runAsUser"] = user
    changed["restartPolicy"] = "Never"
    [container] = changed["containers"]
    for variable in container["env"]:
        variable["value"] = environment.get(variable["name"], variable["value"])
    return changed


def _lay_versions(directory: Path) -> None:
    _lay_versions_of(directory, "first", 2)
    _lay_versions_of(directory, "second", 1)


def _lay_versions_of(directory: Path, model: str, count: int) -> None:
    for version in range(1, count + 1):
        publish_tiny_version(directory, model, version, training_hash=SAMPLE_HASH)
    for path in directory.rglob("*"):
        path.chmod(0o2775 if path.is_dir() else 0o664)


def _draw(directory: Path) -> None:
    from catdog_trainer.data.drawings import write_drawings

    for seed, split in enumerate(("training", "validation"), start=3):
        write_drawings(directory / GOOD / split, per_class=30, seed=seed)
    shutil.copytree(directory / GOOD, directory / BAD)
    training = directory / BAD / "training"
    (training / "cat").rename(training / "other")
    (training / "dog").rename(training / "cat")
    (training / "other").rename(training / "dog")
