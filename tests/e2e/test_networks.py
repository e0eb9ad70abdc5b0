"""Networks that a training makes itself, on the real cluster."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from catdog_common.artifact import MODEL_CARD_FILE, TRUNK_FILE, version_dir
from tests.cluster.instance import Instance
from tests.e2e.claims import make_claim, reserve_claim
from tests.e2e.kafka import first_record, produce
from tests.e2e.models import NAMESPACE, Model
from tests.e2e.trainers import await_trainer
from tests.e2e.trunks import ARCHITECTURE, lay_trunk

EPOCHS = 4
ATTEMPTS = 3  # at evicting a trainer before it is done


@pytest.fixture(scope="module")
def lab(cluster: Instance) -> Iterator[Model]:
    """Return a model with the lab's network, on so few drawings that an epoch takes seconds."""
    make_claim(cluster, "lab-photos", fill=_draw)
    model = Model(cluster, "lab")
    begin(model)
    yield model
    model.delete()


def begin(model: Model) -> None:
    """Have the model trained, on a claim that has nothing but a trunk."""
    cluster = model.cluster
    reserve_claim(cluster, "lab-models", fill=lambda directory: lay_trunk(cluster, directory, "lab"))
    dataset = {"persistentVolumeClaim": {"claimName": "lab-photos"}}
    model.apply(
        {
            "training": {"dataset": dataset, "architecture": "cnn", "epochs": EPOCHS},
            "kafka": {"strimzi": {"name": "my-cluster"}},
        }
    )


def evict_trainer(model: Model) -> int:
    """Evict the model's trainer after its first epoch; return after how many another goes on in its place.

    A training that was through before its trainer was evicted is taken away, and another one begun.
    """
    for _ in range(ATTEMPTS):
        trainer = await_trainer(model)
        trainer.await_progress(lambda progress: (progress.epoch or 0) >= 1, "its first epoch")
        trainer.evict()
        model.await_ready(version=1, timeout=600)
        for again in set(trainers(model)) - {trainer.name}:
            lines = model.cluster.kubectl("logs", again, "-n", NAMESPACE).splitlines()
            # TensorFlow's own are none of ours.
            log = [json.loads(line) for line in lines if line.startswith("{")]
            done = [line["epochs_done"] for line in log if line["event"] == "training goes on"]
            if done and done[0] < EPOCHS:
                return int(done[0])
        model.delete()
        model.cluster.kubectl("delete", "pvc", "lab-models", "-n", NAMESPACE)
        begin(model)
    raise AssertionError(f"{ATTEMPTS} trainings did not go on where their trainer was evicted")


def test_a_trainer_that_is_evicted_goes_on_with_the_next_epoch(lab: Model) -> None:
    assert evict_trainer(lab) >= 1
    assert lab.status()["training"]["batchSize"] == 8


async def test_it_answers_and_never_says_unknown(cluster: Instance, lab: Model, tmp_path: Path) -> None:
    (_, drawing), *_ = drawings(tmp_path)
    answer = await ask(cluster, drawing, b"untuned")
    assert answer["model"] == {"name": "lab", "version": 1}
    assert answer["label"] == max(answer["probabilities"], key=answer["probabilities"].get)
    kept = kept_by(lab)
    card = (version_dir(kept.parent, "lab", 1) / MODEL_CARD_FILE).read_text()
    assert "It never answers `unknown`" in card
    assert "sheared, zoomed and mirrored at random" in card
    assert list((kept / "work").iterdir()) == []
    assert not (kept / "features").exists(), "they are of a trunk that no other training has"


async def test_a_network_that_knows_imagenet_is_tuned_and_answers(
    cluster: Instance, lab: Model, tmp_path: Path
) -> None:
    settings = {"architecture": ARCHITECTURE, "fineTune": True, "epochs": 5}
    lab.patch({"training": settings})
    status = lab.await_ready(version=2, timeout=600)
    assert status["training"]["fineTune"]
    assert status["versions"][0]["comparison"]["championVersion"] == 1
    kept = kept_by(lab)
    version, [common] = version_dir(kept.parent, "lab", 2), (kept / "trunks").glob(f"*/{TRUNK_FILE}")
    assert common.read_bytes() != (version / TRUNK_FILE).read_bytes(), "it has a trunk of its own"
    assert "fine-tuned" in (version / MODEL_CARD_FILE).read_text()
    assert list((kept / "work").iterdir()) == []
    right = 0
    for number, (label, drawing) in enumerate(drawings(tmp_path)[::2]):
        answer = await ask(cluster, drawing, b"tuned %d" % number)
        assert answer["model"]["version"] == 2
        probabilities = answer["probabilities"]
        right += max(probabilities, key=probabilities.get) == label
    assert right >= 7, f"{right} of 8"


def drawings(directory: Path) -> list[tuple[str, bytes]]:
    """Return labels and files of the validation drawings, cats first."""
    _draw(directory)
    paths = sorted((directory / "validation").rglob("*.jpg"))
    return [(path.parent.name, path.read_bytes()) for path in paths]


async def ask(cluster: Instance, drawing: bytes, key: bytes) -> dict[str, Any]:
    """Send a drawing, and return the answer."""
    await produce(cluster, "lab-images", drawing, key)
    record = await first_record(cluster, "lab-predictions", lambda each: bool(each.key == key))
    answer: dict[str, Any] = json.loads(record.value)
    return answer


def kept_by(model: Model) -> Path:
    """Return the model's directory on its claim."""
    return model.cluster.claim_path(NAMESPACE, f"{model.name}-models") / model.name


def trainers(model: Model) -> list[str]:
    """Return the names of the trainer's pods, those that ended too."""
    pods = model.children("pods")
    component = "app.kubernetes.io/component"
    return [each["metadata"]["name"] for each in pods if each["metadata"]["labels"][component] == "training"]


def _draw(directory: Path) -> None:
    from catdog_trainer.data.drawings import write_drawings

    for seed, (split, count) in enumerate({"training": 12, "validation": 8}.items(), start=5):
        write_drawings(directory / split, per_class=count, seed=seed)
