from typing import Any

import pytest

from catdog_client.cluster.changes import explain_pin, explain_retraining, explain_unpin
from tests.unit.client.builders import PROGRESS, some_model

UNTIL = (
    "what is trained later does not serve by itself while this one is pinned; "
    "`catdog promote pets --unpin` ends that"
)
MANUAL_UNTIL = (
    "spec.promotion.policy is Manual: what is trained later waits to be promoted, "
    "and `catdog promote pets --unpin` ends the pin"
)
GATE = (
    "the new one serves if it passes the gate: at least 80.0% right, "
    "and at most 2.0% fewer right than the one that serves"
)
MANUAL: dict[str, Any] = {"promotion": {"policy": "Manual"}}
PAUSED = (
    "spec.paused is true, so the operator changes nothing of pets yet; it goes on after "
    """`kubectl patch catdogmodel pets --type=merge -p '{"spec": {"paused": false}}'`"""
)


def test_a_pin_says_what_answers_meanwhile_what_the_gate_said_and_how_it_ends() -> None:
    assert explain_pin(some_model(), 1) == (
        "version 2 goes on answering until a worker with version 1 is ready",
        "the gate has refused it (70.0% of 60 validation photos right): a pin is stronger than the gate",
        UNTIL,
    )


def test_a_pin_of_what_serves_changes_nothing_now() -> None:
    assert explain_pin(some_model(), 2) == ("version 2 serves already, and goes on", UNTIL)


@pytest.mark.parametrize(
    ("spec", "status", "note"),
    [
        (
            {"inference": {"replicas": 0}},
            {},
            "spec.inference.replicas is 0: version 1 serves once there is a worker",
        ),
        ({}, {"inference": {}}, "nothing serves now; version 1 does once its workers are ready"),
        ({"paused": True}, {}, PAUSED),
        (MANUAL, {}, MANUAL_UNTIL),
    ],
)
def test_a_pin_says_what_is_in_its_way(spec: dict[str, Any], status: dict[str, Any], note: str) -> None:
    assert note in explain_pin(some_model(spec, **status), 1)


def test_the_end_of_a_pin_says_what_decides_then() -> None:
    pinned = {"inference": {"modelVersion": 1, "replicas": 2}}
    assert explain_unpin(some_model(pinned)) == (
        "the version of the present settings serves, if it passed the gate or has served before",
    )
    assert explain_unpin(some_model(pinned | MANUAL)) == (
        "spec.promotion.policy is Manual, so version 2 goes on serving",
    )
    assert explain_unpin(some_model()) == ("nothing was pinned",)


@pytest.mark.parametrize(
    ("spec", "note"),
    [
        ({}, "the new one serves once it is trained, as spec.promotion sets no bound"),
        ({"promotion": {"minAccuracy": 0.8, "maxAccuracyDrop": 0.02}}, GATE),
        (MANUAL, "spec.promotion.policy is Manual, so the new one waits for `catdog promote pets`"),
        (
            {"inference": {"modelVersion": 1}},
            "version 1 is pinned, so the new one will not serve before `catdog promote pets`",
        ),
    ],
)
def test_a_retraining_says_whether_its_version_will_serve(spec: dict[str, Any], note: str) -> None:
    assert explain_retraining(some_model(spec)) == ("version 2 goes on serving meanwhile", note)


def test_a_revision_that_may_be_of_a_version_that_is_there_is_not_promised_to_be_trained() -> None:
    known = (
        "if {} was trained on these settings as revision 'x', nothing is trained: it is taken as it is; "
        "`catdog retrain pets` without --revision always trains"
    )
    assert known.format("version 1") in explain_retraining(some_model(), "x")
    later = some_model(training={"hash": "a third"})
    assert known.format("one of versions 1, 2") in explain_retraining(later, "x")
    newest = some_model().status.versions[0]
    only_the_present = some_model(versions=[{"version": newest.version, "hash": newest.hash}])
    assert explain_retraining(only_the_present, "x") == explain_retraining(only_the_present)


def test_a_retraining_says_what_it_ends_and_that_a_model_is_paused() -> None:
    training = some_model({"paused": True}, progress=PROGRESS)
    first, *_, last = explain_retraining(training)
    assert first == "the training that runs now (Job pets-train-3f9c2a7b10) is given up for it"
    assert last == PAUSED
    assert "nothing serves yet" in explain_retraining(some_model(inference={}))
