"""A claim for models that is full: it is said, what serves goes on, and with room it heals by itself."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from catdog_common.artifact import list_versions, verify_manifest, version_dir
from catdog_trainer.data.drawings import write_drawings
from tests.cluster.instance import Instance
from tests.e2e.claims import SAMPLE_HASH, make_claim
from tests.e2e.failures.rows import described
from tests.e2e.kafka import first_record, produce
from tests.e2e.models import NAMESPACE, Model, Status, condition
from tests.e2e.processes import processes_of
from tests.e2e.serving.small_disk import empty, fill, on_node, small_disk
from tests.e2e.trainers import await_trainer
from tests.e2e.trunks import ARCHITECTURE, lay_trunk
from tests.tiny_version import picture, publish_tiny_version

NAME, CLAIM, PHOTOS = "full", "full-models", "full-photos"
PER_CLASS = 250  # enough for the features to take some seconds
HEALS = "by itself, within the pause before the next attempt, when there is room"


@dataclass(frozen=True)
class Scene:
    """A model whose version 1 serves, on a claim that is small."""

    model: Model
    disk: Path  # as the node sees it

    @property
    def storage(self) -> Path:
        """The claim's directory, as it is seen from outside the node."""
        return seen_from_outside(self.model.cluster, self.disk)

    def fill(self) -> None:
        """Take all the room that there is."""
        fill(self.model.cluster, self.disk)

    def empty(self) -> None:
        """Give the room back."""
        empty(self.model.cluster, self.disk)


@pytest.fixture(scope="module")
def scene(cluster: Instance) -> Iterator[Scene]:
    """Give a model that serves what was trained before."""
    make_claim(cluster, PHOTOS, fill=lambda directory: write_drawings(directory, PER_CLASS, seed=8))
    with small_disk(cluster, CLAIM, size="160m") as disk:
        publish_tiny_version(seen_from_outside(cluster, disk), NAME, training_hash=SAMPLE_HASH)
        lay_trunk(cluster, seen_from_outside(cluster, disk), NAME)
        on_node(cluster, "chmod", "--recursive", "g+rwX,g+s", str(disk / NAME))
        model = Model(cluster, NAME)
        model.apply(
            {
                "training": {"dataset": {"sample": {}}},
                "storage": {"existingClaim": CLAIM},
                "kafka": {"strimzi": {"name": "my-cluster"}},
            }
        )
        model.await_ready(version=1)
        yield Scene(model, disk)
        model.delete()
    cluster.kubectl("delete", "pvc", CLAIM, PHOTOS, "-n", NAMESPACE)


async def test_a_full_claim_is_told_and_what_serves_goes_on_answering(
    cluster: Instance, scene: Scene, failures: list[str]
) -> None:
    scene.fill()
    photos = {"sample": None, "persistentVolumeClaim": {"claimName": PHOTOS}}
    scene.model.patch({"training": {"dataset": photos, "architecture": ARCHITECTURE, "epochs": 3}})
    status = await_full(scene)
    failures.append(described("the claim for models is full", "Trained", status, HEALS))
    assert "progress" not in status or status["progress"]["stage"] in ("Starting", "Loading")
    await assert_answers(cluster, version=1)
    assert_whole(scene, versions=[1])


def test_it_heals_by_itself_when_there_is_room(scene: Scene) -> None:
    scene.empty()
    status = scene.model.await_ready(version=2)
    assert "lastFailure" not in status


@pytest.mark.soak
async def test_a_claim_that_fills_in_the_middle_of_the_features_is_told_as_well(
    cluster: Instance, scene: Scene
) -> None:
    # For which photos pass the network again: what was seen of them before is on the claim.
    scene.model.patch({"training": {"augment": True}})
    await_trainer(scene.model).await_stage("Features")
    scene.fill()
    await_full(scene)
    await assert_answers(cluster, version=2)
    assert_whole(scene, versions=[1, 2])
    scene.empty()
    scene.model.await_ready(version=3)
    assert_whole(scene, versions=[1, 2, 3])


def await_full(scene: Scene) -> Status:
    """Return the first status that says that the claim is full, and when the training is tried again."""
    status = scene.model.await_status(
        lambda status: condition(status, "Trained")[:2] == ("False", "ClaimFull"), "the claim is full"
    )
    message = condition(status, "Trained")[2]
    assert "of 160 MiB, 0 MiB are free" in message
    assert "make the claim larger" in message
    assert status["lastFailure"]["reason"] == "ClaimFull"
    assert "nextAttemptTime" in status["lastFailure"]
    return status


async def assert_answers(cluster: Instance, version: int) -> None:
    """Fail where the model does not answer by this version."""
    key = f"full-{version}".encode()
    await produce(cluster, f"{NAME}-images", picture("red"), key=key)
    record = await first_record(cluster, f"{NAME}-predictions", lambda record: record.key == key)
    assert json.loads(record.value)["model"] == {"name": NAME, "version": version}


def assert_whole(scene: Scene, versions: list[int]) -> None:
    """Fail where there is anything but whole versions, or where one is lacking."""
    assert list_versions(scene.storage, NAME) == versions
    for version in versions:
        verify_manifest(version_dir(scene.storage, NAME, version))
    drafts = [*scene.storage.glob(f"{NAME}/work/*/version-*"), *(scene.storage / NAME).rglob(".*")]
    assert drafts == []


def seen_from_outside(cluster: Instance, directory: Path) -> Path:
    """Return the path by which the host reaches what is mounted in the node's own mount namespace."""
    [kubelet] = processes_of(cluster, "kubelet")
    return Path(f"/proc/{kubelet}/root") / directory.relative_to("/")
