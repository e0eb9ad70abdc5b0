"""Whatever ends a trainer, in whatever stage: one version comes of it, the same as without, and no half."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from catdog_common.artifact import TRUNK_FILE, file_digest, list_versions, verify_manifest, version_dir
from catdog_common.training import Stage
from catdog_trainer.data.drawings import write_drawings
from tests.cluster.instance import Instance
from tests.e2e.claims import make_claim
from tests.e2e.models import NAMESPACE, Model, Status, condition
from tests.e2e.processes import processes_of
from tests.e2e.trainers import Trainer, await_trainer
from tests.e2e.trunks import ARCHITECTURE, lay_trunk

PHOTOS = "faults-photos"
PER_CLASS = 250  # enough for the features to take some seconds
EPOCHS = 60
ATTEMPTS = 3  # at striking a trainer before it is done
STAGES: tuple[Stage, ...] = ("Features", "Epochs")

Fault = Callable[[Trainer], None]
Sample = tuple[str, dict[str, str], float]  # name, labels, value
# The failures that the Job may have on account of a fault, and the pods that it takes altogether.
FAULTS: dict[Fault, tuple[int, int]] = {
    Trainer.kill: (1, 2),
    Trainer.evict: (0, 2),
    Trainer.end_kubelet: (0, 1),
    Trainer.end_node: (1, 2),
}
QUICK = {(Trainer.evict, "Features"), (Trainer.kill, "Epochs")}


@pytest.fixture(scope="module")
def photos(cluster: Instance) -> Iterator[str]:
    """Give a claim with drawings."""
    make_claim(cluster, PHOTOS, fill=lambda directory: write_drawings(directory, PER_CLASS, seed=7))
    yield PHOTOS
    cluster.kubectl("delete", "pvc", PHOTOS, "-n", NAMESPACE, "--wait=false")


@pytest.fixture(scope="module")
def undisturbed(cluster: Instance, photos: str) -> Iterator[tuple[Model, Path]]:
    """Train without a fault; give the model and its claim's directory."""
    model, storage = begin(cluster, photos, "undisturbed", backoff_limit=0)
    yield model, storage
    remove(model)


@pytest.fixture(scope="module")
def expected(undisturbed: tuple[Model, Path]) -> dict[str, str]:
    """Return what a version is by which nothing happened."""
    model, storage = undisturbed
    await_trained(model)
    return identity(storage, model.name)


async def test_prometheus_sees_how_far_a_training_is(
    cluster: Instance, photos: str, undisturbed: tuple[Model, Path]
) -> None:
    model, page = await page_of_a_training(cluster, photos, undisturbed[0])
    assert sum(value for name, _, value in page if name == "catdog_training_stage") == 1
    found = {name: value for name, labels, value in page if labels.get("stage") == "Features"}
    assert found["catdog_training_photos_expected"] == 2 * PER_CLASS
    [info] = [labels for name, labels, _ in page if name == "catdog_training_info"]
    assert info["model"] == model.name
    if model != undisturbed[0]:
        remove(model)


async def page_of_a_training(cluster: Instance, photos: str, model: Model) -> tuple[Model, list[Sample]]:
    """Return the model's trainer's page, or that of another one where this one was over before."""
    for number in range(1, ATTEMPTS + 1):
        trainer = await_trainer(model)
        trainer.await_stage("Features")
        try:
            return model, await metrics_of(trainer)
        except aiohttp.ClientConnectionError:  # it has just ended
            model, _ = begin(cluster, photos, f"watched-{number}", backoff_limit=0)
    raise AssertionError(f"{ATTEMPTS} trainings were over before their page was asked for")


@pytest.mark.parametrize(
    ("fault", "stage"),
    [
        pytest.param(
            fault,
            stage,
            id=f"{fault.__name__} in {stage}",
            marks=[] if (fault, stage) in QUICK else pytest.mark.soak,
        )
        for fault in FAULTS
        for stage in STAGES
    ],
)
def test_one_version_comes_of_a_training_that_is_struck(
    cluster: Instance, photos: str, expected: dict[str, str], fault: Fault, stage: Stage
) -> None:
    failures, pods = FAULTS[fault]
    kubelet = processes_of(cluster, "kubelet")
    model, storage = strike(cluster, photos, fault, stage)
    status = await_trained(model)
    assert "lastFailure" not in status
    assert [each["version"] for each in status["versions"]] == [1]
    assert identity(storage, model.name) == expected
    assert (processes_of(cluster, "kubelet") == kubelet) == (fault in (Trainer.kill, Trainer.evict))
    [job] = model.children("jobs")
    assert job["status"].get("failed", 0) == failures
    assert started_pods(cluster, job) == pods
    remove(model)


def strike(cluster: Instance, photos: str, fault: Fault, stage: Stage) -> tuple[Model, Path]:
    """Have a model trained whose trainer is struck; return it, and where its claim lies.

    A training that was over before its trainer was struck is taken away, and another one begun.
    """
    failures, pods = FAULTS[fault]
    for number in range(1, ATTEMPTS + 1):
        name = f"{fault.__name__}-{stage}-{number}".lower().replace("_", "-")
        model, storage = begin(cluster, photos, name, backoff_limit=failures)
        trainer = await_trainer(model)
        trainer.await_stage(stage)
        with suppress(ProcessLookupError):  # it has just ended
            fault(trainer)
        await_trained(model)
        [job] = model.children("jobs")
        if started_pods(cluster, job) >= pods:
            return model, storage
        remove(model)
    raise AssertionError(f"{ATTEMPTS} trainings were over before they were struck")


def begin(cluster: Instance, photos: str, name: str, backoff_limit: int) -> tuple[Model, Path]:
    """Have a small model trained; return it, and where its claim lies."""
    storage = make_claim(cluster, f"{name}-models", fill=lambda claim: lay_trunk(cluster, claim, name))
    model = Model(cluster, name)
    model.apply(
        {
            "training": {
                "dataset": {"persistentVolumeClaim": {"claimName": photos}},
                "architecture": ARCHITECTURE,
                "epochs": EPOCHS,
                "backoffLimit": backoff_limit,
            },
            "storage": {"existingClaim": f"{name}-models"},
            "inference": {"replicas": 0},
            "kafka": {"strimzi": {"name": "my-cluster"}},
        }
    )
    return model, storage


def remove(model: Model) -> None:
    """Delete a model with its claim."""
    model.delete()
    model.cluster.kubectl("delete", "pvc", f"{model.name}-models", "-n", NAMESPACE, "--wait=false")


def await_trained(model: Model) -> Status:
    """Return the first status that says that the training is through."""
    return model.await_status(lambda status: condition(status, "Trained")[0] == "True", "it is trained")


def identity(storage: Path, model: str) -> dict[str, str]:
    """Return what the one version on a claim is; fail where it is not whole, or anything else is there."""
    assert list_versions(storage, model) == [1]
    directory = version_dir(storage, model, 1)
    verify_manifest(directory)
    assert list((storage / model / "work").iterdir()) == []
    assert [path.name for path in (storage / model).rglob(".*")] == []
    head = json.loads((directory / "model.json").read_bytes())["head"]
    return {
        "head": json.dumps(head),
        "trunk": file_digest(directory / TRUNK_FILE),
        "photos": file_digest(directory / "photos.csv"),
    }


def started_pods(cluster: Instance, job: dict[str, Any]) -> int:
    """Return how many pods a Job has made, by its Events."""
    uid = job["metadata"]["uid"]
    fields = f"involvedObject.uid={uid},reason=SuccessfulCreate"
    answer = cluster.kubectl("get", "events", "-n", NAMESPACE, "--field-selector", fields, "-o", "json")
    return len({re.sub(".*: ", "", event["message"]) for event in json.loads(answer)["items"]})


async def metrics_of(trainer: Trainer) -> list[Sample]:
    """Return the samples on a trainer's page."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://{trainer.address}:8080/metrics", raise_for_status=True) as answer,
    ):
        text = await answer.text()
    families = text_string_to_metric_families(text)
    return [(sample.name, sample.labels, sample.value) for family in families for sample in family.samples]
