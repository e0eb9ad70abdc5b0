"""What a worker complains of in its log is told in the condition while it is so."""

import json
from typing import Any

import pytest

from catdog_common.complaints import (
    ANSWERS_REFUSED,
    KAFKA_UNUSABLE,
    NO_NEW_CONNECTION,
    ONLY_BAD_IMAGES,
    OVER,
)
from catdog_operator.complaints import read_complaint
from tests.unit.operator.world import World, trained_world

REFUSED = "[Error 58] SaslAuthenticationFailed"
ADVICE = (
    "see that spec.kafka names the addresses, the certificates to trust, and the Secret of a user with the "
    "rights that a worker needs"
)


def line(event: str, **fields: str) -> str:
    return json.dumps({"event": event, "level": "warning", **fields})


BAD = "100 records in a row of topic pets-images can't be decoded (NotAnImage 100), and lie in topic dead"
BAD_IMAGES_ADVICE = "see what sends them; the next picture that can be decoded ends this"
BAD_IMAGES = line(ONLY_BAD_IMAGES, error=BAD)
LOADED, TROUBLE = line("model loaded"), line(KAFKA_UNUSABLE, error=REFUSED)


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        ([LOADED], None),
        ([LOADED, TROUBLE, "no JSON", line("something else")], f"{KAFKA_UNUSABLE}: {REFUSED}"),
        ([TROUBLE, line(KAFKA_UNUSABLE, error="nobody answers")], f"{KAFKA_UNUSABLE}: nobody answers"),
        ([line(ANSWERS_REFUSED, error="no right")], f"{ANSWERS_REFUSED}: no right"),
        ([TROUBLE, line(OVER, trouble=KAFKA_UNUSABLE)], None),
        (
            [line(NO_NEW_CONNECTION, error="closed"), TROUBLE, line(OVER, trouble=KAFKA_UNUSABLE)],
            f"{NO_NEW_CONNECTION}: closed",
        ),
        ([], None),
    ],
)
def test_the_newest_complaint_counts_unless_it_is_over(log: list[str], expected: str | None) -> None:
    complaint = read_complaint("pets-1", "\n".join(log))
    assert (complaint and complaint.words) == expected


async def test_a_worker_that_is_not_let_in_is_told_and_so_is_the_end_of_it() -> None:
    world = await trained_world()
    add_worker(world, ready=False)
    world.api.logs = f"{LOADED}\n{TROUBLE}"
    await world.reconcile()
    assert serving(world) == ("KafkaUnusable", f"pod pets-1: {KAFKA_UNUSABLE}: {REFUSED}; {ADVICE}")
    assert (await world.reconcile())[0] == []
    assert world.status()["phase"] == "RollingOut"
    add_worker(world, ready=True)
    await world.reconcile()
    assert serving(world)[0] == "RollingOut"


async def test_a_model_whose_workers_are_no_longer_let_in_is_degraded() -> None:
    world = await trained_world()
    add_worker(world, ready=True)
    world.roll_out()
    await world.reconcile()
    assert world.status()["phase"] == "Degraded", "its claim is not bound in this world"
    assert world.status()["inference"]["servedVersion"] == 1
    world.api.logs = TROUBLE
    world.api.set_status("Deployment", "pets-inference", {"readyReplicas": 0})
    add_worker(world, ready=False)
    await world.reconcile()
    assert serving(world)[0] == "KafkaUnusable"
    assert world.status()["phase"] == "Degraded"


async def test_a_worker_that_only_gets_bad_images_is_told_of_though_it_is_ready_again() -> None:
    world = await trained_world()
    add_worker(world, ready=True)
    world.roll_out()
    await world.reconcile()
    world.api.logs = f"{LOADED}\n{BAD_IMAGES}"
    await world.reconcile()
    assert serving(world)[0] == "Serving", "the log of a worker that is ready is not read"
    world.api.set_status("Deployment", "pets-inference", {"readyReplicas": 0})
    add_worker(world, ready=False)  # it calls
    await world.reconcile()
    said = f"pod pets-1: {ONLY_BAD_IMAGES}: {BAD}; {BAD_IMAGES_ADVICE}"
    assert serving(world) == ("OnlyBadImages", said)
    assert world.status()["phase"] == "Degraded"
    add_worker(world, ready=True)
    world.roll_out()
    await world.reconcile()
    told = ("OnlyBadImages", f"version 1 serves with its one replica ready, but {said}")
    assert serving(world) == told
    assert status_of(world, "Ready") == "True"
    world.start_operator()  # which remembers nothing
    wrote, outcome = await world.reconcile()
    assert (wrote, outcome.look_again, serving(world)) == ([], 10, told)


async def test_and_no_more_when_a_picture_was_answered() -> None:
    world = await trained_world()
    world.api.logs = BAD_IMAGES
    add_worker(world, ready=False)
    await world.reconcile()
    assert serving(world)[0] == "OnlyBadImages"
    add_worker(world, ready=True)
    world.roll_out()
    world.api.logs = f"{BAD_IMAGES}\n{line(OVER, trouble=ONLY_BAD_IMAGES)}"
    world.start_operator()  # so that it reads at once
    _, outcome = await world.reconcile()
    assert serving(world)[0] == "Serving"
    assert outcome.look_again is None


def add_worker(world: World, *, ready: bool) -> None:
    labels = {
        "app.kubernetes.io/component": "inference",
        "app.kubernetes.io/managed-by": "catdog-operator",
        "catdog.dev/model": "pets",
        "catdog.dev/model-version": "1",
    }
    status: dict[str, Any] = {
        "phase": "Running",
        "containerStatuses": [{"state": {"running": {}}}],
        "conditions": [{"type": "Ready", "status": str(ready)}],
    }
    world.add("Pod", "pets-1", status=status, labels=labels)


def serving(world: World) -> tuple[str, str]:
    [told] = [each for each in world.status()["conditions"] if each["type"] == "Serving"]
    return told["reason"], told["message"]


def status_of(world: World, kind: str) -> str:
    [status] = [each["status"] for each in world.status()["conditions"] if each["type"] == kind]
    return str(status)
