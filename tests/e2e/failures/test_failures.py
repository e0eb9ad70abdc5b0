"""What goes wrong is said exactly, steadily, with what to do, and heals as the table says."""

import json
from collections.abc import Iterator
from itertools import groupby

import pytest

from catdog_common.artifact import MODEL_FILE
from tests.cluster.instance import Instance
from tests.e2e.failures.recorder import Recorder, recording
from tests.e2e.failures.rows import IMAGE, ROWS, Row, spec_of
from tests.e2e.failures.scene import Scene, close_scene, hang, open_scene, publish_version
from tests.e2e.kafka import first_record, produce
from tests.e2e.models import NAMESPACE, Status, condition
from tests.tiny_version import picture

ALL = (IMAGE, *ROWS)
UNPREPARED = ("claimless", "unbound")  # whose versions come with the claim


@pytest.fixture(scope="module")
def scene(cluster: Instance) -> Iterator[Scene]:
    """Give what provokes the failures, and a version of each model on the shared claim."""
    scene = open_scene(cluster)
    for row in ALL:
        if row.model not in UNPREPARED:
            publish_version(scene.storage, row.model)
    publish_version(scene.storage, "damaged", 2, training_hash="0000000002")
    scene.versions("crash").chmod(0)
    hang(scene.versions("late") / "1" / MODEL_FILE)
    yield scene
    for row in ALL:
        scene.delete("catdogmodel", row.model)
    close_scene(scene)


@pytest.fixture(scope="module")
def recorder(cluster: Instance, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorder]:
    """Record every status that a model here goes through."""
    with recording(cluster, tmp_path_factory.mktemp("failures") / "statuses") as recorder:
        yield recorder


@pytest.fixture(scope="module")
def side_by_side(scene: Scene, recorder: Recorder) -> None:
    """Apply all models but that without an image, which no other would have then either."""
    assert recorder
    for row in ROWS:
        scene.model(row.model).apply(spec_of(**row.spec))
    for row in ROWS:
        if row.provoke is not None:
            scene.model(row.model).await_ready(version=1)
            row.provoke(scene)


@pytest.mark.usefixtures("recorder")
def test_an_image_that_is_not_there_is_told(scene: Scene, failures: list[str]) -> None:
    with scene.image_missing("catdog-trainer"):
        scene.model(IMAGE.model).apply(spec_of())
        failures.append(IMAGE.described(await_told(scene, IMAGE)))


@pytest.mark.usefixtures("side_by_side")
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_failure_is_told_with_what_to_do(row: Row, scene: Scene, failures: list[str]) -> None:
    status = await_told(scene, row)
    failures.append(row.described(status))
    assert condition(status, "Ready")[0] == "False"
    if row.ends_training:
        assert status["lastFailure"]["reason"] == row.reason
        assert [event["message"] for event in failed_trainings(scene, row)] == [
            f"{row.reason}: {status['lastFailure']['message']}"
        ]
    if row.model != "damaged":  # its test goes on
        row.heal(scene)


async def test_the_version_before_a_damaged_one_goes_on_answering(cluster: Instance, scene: Scene) -> None:
    await produce(cluster, "failures-images", picture("red"), key=b"while-damaged")
    record = await first_record(
        cluster,
        "failures-predictions",
        lambda record: record.key == b"while-damaged" and b'"damaged"' in record.value,
    )
    assert json.loads(record.value)["model"] == {"name": "damaged", "version": 1}
    [row] = [row for row in ROWS if row.model == "damaged"]
    row.heal(scene)


@pytest.mark.parametrize("row", ALL, ids=str)
def test_a_failure_heals(row: Row, scene: Scene) -> None:
    status = scene.model(row.model).await_ready()
    assert "lastFailure" not in status


@pytest.mark.parametrize("row", ALL, ids=str)
def test_what_is_said_of_a_failure_does_not_come_and_go(row: Row, recorder: Recorder) -> None:
    found = recorder.conditions(row.model, row.condition)
    reasons = [reason for reason, _ in groupby(reason for _, reason, _ in found)]
    assert reasons.count(row.reason) == 1, found
    messages = [message for _, reason, message in found if reason == row.reason]
    assert len(messages) == len(set(messages)), found


def await_told(scene: Scene, row: Row) -> Status:
    """Return the first status that says of a failure what the table says."""
    what = f"{row.condition} is {row.status} {row.reason} {row.message}"
    return scene.model(row.model).await_status(row.is_told, what)


def failed_trainings(scene: Scene, row: Row) -> list[dict[str, str]]:
    """Return the Events about trainings of a model that failed."""
    model = ("catdogmodel", row.model, "-n", NAMESPACE)
    uid = scene.cluster.kubectl("get", *model, "-o", "jsonpath={.metadata.uid}")
    fields = f"involvedObject.uid={uid},reason=TrainingFailed"
    answer = scene.cluster.kubectl("get", "events", "-n", NAMESPACE, "--field-selector", fields, "-o", "json")
    events: list[dict[str, str]] = json.loads(answer)["items"]
    return events
