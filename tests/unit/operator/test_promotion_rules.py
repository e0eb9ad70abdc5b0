"""Which version serves: a pin, the gate, the policy, and what is said of each choice."""

from typing import Any

import msgspec
import pytest

from catdog_operator.observed import Observed
from catdog_operator.plan import plan
from catdog_operator.status_fields import Change, ComparisonCounts, InferenceStatus, ModelStatus, Version
from tests.unit.operator.builders import (
    NOW,
    condition,
    later,
    some_deployment,
    some_job,
    some_model,
    some_observed,
    some_worker,
    status_of,
)

CURRENT = "572360246d"  # the hash of the settings of some_model()
GATE = {"minAccuracy": 0.9, "maxAccuracyDrop": 0.02}


def version(number: int, training_hash: str = "0000000000", **fields: Any) -> Version:  # noqa: ANN401
    known: dict[str, Any] = {"accuracy": 0.95, "photos": 200, "trained_at": "2026-03-01T11:00:00Z"}
    return Version(version=number, hash=training_hash, **(known | fields))


def compared(correct: int, champion: int, photos: int = 200) -> ComparisonCounts:
    return ComparisonCounts(champion_version=1, photos=photos, correct=correct, champion_correct=champion)


def serving(served: int, *versions: Version, **spec: object) -> Observed:
    """Return a model of which `served` serves, with these versions on the claim."""
    status = ModelStatus(
        versions=tuple(sorted(versions, key=lambda each: -each.version)),
        inference=InferenceStatus(1, 1, "", served),
        history=(Change(served, NOW, "Promoted"),),
    )
    return some_observed(
        some_model(None, status, **spec),
        deployment=some_deployment(served),
        inference_pods=(some_worker(served),),
    )


def challenged(counts: ComparisonCounts | None, **fields: Any) -> Observed:  # noqa: ANN401
    """Return a model of which version 1 serves while version 2, of the present settings, is judged."""
    champion = version(1, first_served_time=NOW)
    challenger = version(2, CURRENT, comparison=counts, **fields)
    return serving(1, champion, challenger, promotion=GATE)


def test_a_version_that_passes_the_gate_is_wanted() -> None:
    observed = challenged(compared(190, 193))
    assert plan(observed).wanted_version == 2
    assert condition(observed, "Promoted") == (
        "True",
        "Promoted",
        (
            "version 2 is of the present settings; "
            "version 2 passes the gate: 95.0% of 200 validation photos are right"
        ),
    )


def test_a_version_that_lost_too_much_is_kept_and_not_served_and_it_says_by_how_much() -> None:
    observed = challenged(compared(188, 193))
    assert plan(observed).wanted_version == 1
    assert condition(observed, "Promoted") == (
        "False",
        "AccuracyDropped",
        (
            "version 2 gets 188 of 200 validation photos right and version 1 gets 193: 2.5% fewer, and "
            "spec.promotion.maxAccuracyDrop allows 2.0%; version 1 goes on serving. "
            "To serve it all the same: spec.inference.modelVersion: 2"
        ),
    )
    assert status_of(observed).phase == "Serving"
    assert condition(observed, "Ready")[0] == "True"


def test_a_drop_is_counted_in_photos_up_to_the_very_last_that_is_allowed() -> None:
    assert plan(challenged(compared(189, 193))).wanted_version == 2, "4 of 200 are 2 %"
    assert plan(challenged(compared(49, 50, photos=50))).wanted_version == 2, "1 of 50 is 2 %"


def test_a_version_below_the_least_accuracy_is_not_served() -> None:
    observed = challenged(compared(190, 190), accuracy=179 / 200)
    assert plan(observed).wanted_version == 1
    assert condition(observed, "Promoted")[1:] == (
        "BelowMinAccuracy",
        (
            "version 2 gets 179 of 200 validation photos right (89.5%), and "
            "spec.promotion.minAccuracy asks for 90.0%; version 1 goes on serving. "
            "To serve it all the same: spec.inference.modelVersion: 2"
        ),
    )
    assert plan(challenged(compared(190, 190), accuracy=180 / 200)).wanted_version == 2


def test_on_too_few_photos_the_gate_refuses_to_judge_and_says_so() -> None:
    observed = challenged(compared(49, 49, photos=49))
    assert plan(observed).wanted_version == 1
    status, reason, message = condition(observed, "Promoted")
    assert (status, reason) == ("False", "TooFewValidationPhotos")
    assert message.startswith(
        "version 2 is not judged on 49 validation photos that the version serving then had not learned: "
        "that takes 50; add photos and train again by another spec.training.revision; "
    )
    assert status_of(observed).versions[0].verdict == "NotJudged"


def test_a_failure_is_told_before_what_could_not_be_judged() -> None:
    observed = challenged(compared(10, 10, photos=10), accuracy=0.5)
    assert condition(observed, "Promoted")[1] == "BelowMinAccuracy"


def test_a_version_that_was_compared_with_none_is_not_judged_beside_one_that_serves() -> None:
    assert condition(challenged(None), "Promoted")[1] == "NotCompared"


def test_without_bounds_every_version_passes() -> None:
    observed = serving(1, version(1), version(2, CURRENT, accuracy=0.1, photos=3))
    assert plan(observed).wanted_version == 2
    assert status_of(observed).versions[0].verdict == "Passed"


def test_a_first_version_that_fails_the_gate_does_not_serve_and_the_model_says_why() -> None:
    status = ModelStatus(versions=(version(1, CURRENT, accuracy=0.5),))
    observed = some_observed(some_model(None, status, promotion=GATE))
    assert plan(observed).wanted_version is None
    assert condition(observed, "Ready")[:2] == ("False", "BelowMinAccuracy")
    assert condition(observed, "Ready")[2].endswith(
        "; nothing serves. To serve it all the same: spec.inference.modelVersion: 1"
    )
    assert status_of(observed).phase == "Failed"


def test_a_first_version_is_compared_with_nothing_and_needs_no_comparison() -> None:
    status = ModelStatus(versions=(version(1, CURRENT),))
    assert plan(some_observed(some_model(None, status, promotion=GATE))).wanted_version == 1


def test_a_version_that_served_before_serves_again_whatever_the_gate_says_now() -> None:
    old = version(1, CURRENT, accuracy=0.5, first_served_time=NOW)
    observed = serving(2, old, version(2, first_served_time=NOW), promotion=GATE)
    assert plan(observed).wanted_version == 1


def test_a_looser_gate_lets_a_version_pass_that_waited() -> None:
    champion, challenger = (
        version(1, first_served_time=NOW),
        version(2, CURRENT, comparison=compared(180, 193)),
    )
    assert plan(serving(1, champion, challenger, promotion=GATE)).wanted_version == 1
    assert plan(serving(1, champion, challenger, promotion={"maxAccuracyDrop": 0.1})).wanted_version == 2


def test_a_stricter_gate_takes_nothing_away_that_serves() -> None:
    observed = serving(1, version(1, CURRENT, first_served_time=NOW), promotion={"minAccuracy": 0.99})
    assert plan(observed).wanted_version == 1
    assert condition(observed, "Promoted")[0] == "True"


def test_a_pin_is_served_also_when_it_failed_the_gate() -> None:
    failed = version(2, CURRENT, comparison=compared(100, 193))
    observed = serving(1, version(1), failed, promotion=GATE, inference={"modelVersion": 2})
    assert plan(observed).wanted_version == 2
    assert condition(observed, "Promoted") == ("True", "Pinned", "spec.inference.modelVersion pins version 2")


def test_a_pin_to_an_older_version_rolls_back() -> None:
    observed = serving(2, version(1), version(2, CURRENT), inference={"modelVersion": 1})
    assert plan(observed).wanted_version == 1


@pytest.mark.parametrize(
    ("versions", "there"),
    [([1, 2], "it has 1 and 2"), ([1, 2, 5], "it has 1, 2 and 5"), ([2], "it has 2"), ([], "it has none")],
)
def test_a_pin_to_a_version_that_is_gone_leaves_what_serves(versions: list[int], there: str) -> None:
    observed = serving(2, *(version(number) for number in versions), inference={"modelVersion": 7})
    assert plan(observed).wanted_version == 2
    assert condition(observed, "Promoted") == (
        "False",
        "VersionNotFound",
        f"version 7 is not on the claim; {there}; version 2 goes on serving",
    )


def test_by_hand_means_that_what_serves_goes_on_serving() -> None:
    observed = serving(1, version(1), version(2, CURRENT), promotion={"policy": "Manual"})
    assert plan(observed).wanted_version == 1
    assert condition(observed, "Promoted") == (
        "False",
        "WaitingForPromotion",
        (
            "version 2 waits to be promoted by hand (95.0% of 200 validation photos are right); "
            "version 1 goes on serving. To serve it all the same: spec.inference.modelVersion: 2"
        ),
    )


def test_by_hand_the_first_version_serves_since_nothing_else_does() -> None:
    status = ModelStatus(versions=(version(1, CURRENT),))
    assert plan(some_observed(some_model(None, status, promotion={"policy": "Manual"}))).wanted_version == 1


def test_by_hand_what_was_pinned_stays_when_the_pin_goes() -> None:
    observed = serving(2, version(1), version(2), version(3, CURRENT), promotion={"policy": "Manual"})
    assert plan(observed).wanted_version == 2


def test_by_hand_a_deployment_that_was_deleted_comes_back_as_it_was() -> None:
    observed = serving(1, version(1), version(2, CURRENT), promotion={"policy": "Manual"})
    assert plan(msgspec.structs.replace(observed, deployment=None)).wanted_version == 1


def test_the_history_tells_which_version_served_from_when_and_why() -> None:
    observed = serving(1, version(1), version(2, CURRENT))
    moved = some_observed(
        observed.model, deployment=some_deployment(2), inference_pods=(some_worker(2),), now=later(30)
    )
    assert status_of(moved).history == (Change(2, later(30), "Promoted"), Change(1, NOW, "Promoted"))
    assert status_of(moved).versions[0].first_served_time == later(30)


@pytest.mark.parametrize(("pin", "reason"), [({"modelVersion": 1}, "Pinned"), ({}, "RolledBack")])
def test_a_change_to_an_older_version_is_a_rollback_or_a_pin(pin: dict[str, int], reason: str) -> None:
    before = serving(2, version(1, CURRENT, first_served_time=NOW), version(2), inference=pin)
    after = some_observed(before.model, deployment=some_deployment(1), inference_pods=(some_worker(1),))
    assert [change.reason for change in status_of(after).history] == [reason, "Promoted"]


def test_the_history_is_bounded() -> None:
    status = ModelStatus(
        versions=(version(1, CURRENT),), history=tuple(Change(2, NOW, "Promoted") for _ in range(20))
    )
    observed = some_observed(
        some_model(None, status), deployment=some_deployment(1), inference_pods=(some_worker(1),)
    )
    assert len(status_of(observed).history) == 20
    assert status_of(observed).history[0].version == 1


def prunes(
    keep: int, *versions: Version, served: int = 1, **inference: object
) -> tuple[str | None, str | None]:
    """Return which versions the next training removes, and with which it compares."""
    spec = {"storage": {"keepVersions": keep}, "inference": inference}
    observed = serving(served, *versions, **spec)
    job = plan(observed).training.create
    assert job is not None
    [container] = job["spec"]["template"]["spec"]["containers"]
    environment = {each["name"]: each["value"] for each in container["env"]}
    assert environment.get("CATDOG_PRUNE_VERSIONS") == job["metadata"]["annotations"].get("catdog.dev/prunes")
    return environment.get("CATDOG_PRUNE_VERSIONS"), environment.get("CATDOG_CHAMPION_VERSION")


def test_the_next_training_removes_the_oldest_so_that_with_it_there_are_as_many_as_are_kept() -> None:
    five = [version(number) for number in range(1, 6)]
    assert prunes(5, *five, served=5) == ("1", "5")
    assert prunes(3, *five, served=5) == ("1,2,3", "5")
    assert prunes(6, *five, served=5) == (None, "5")


def test_what_serves_and_what_is_pinned_is_never_removed() -> None:
    five = [version(number) for number in range(1, 6)]
    assert prunes(1, *five, served=1) == ("2,3,4,5", "1")
    assert prunes(2, *five, served=1, modelVersion=3) == ("2,4,5", "1")


def test_a_version_that_is_being_removed_is_not_there_any_more() -> None:
    job = some_job(some_model(), annotations={"catdog.dev/prunes": "1,2"})
    observed = serving(3, *(version(number) for number in (1, 2, 3)), inference={"modelVersion": 1})
    training = some_observed(observed.model, deployment=observed.deployment, jobs=(job,))
    assert plan(training).wanted_version == 3
    assert condition(training, "Promoted")[1:] == (
        "VersionNotFound",
        "version 1 is not on the claim; it has 3; version 3 goes on serving",
    )


def test_a_paused_model_is_left_as_it_is() -> None:
    observed = serving(1, version(1), version(2, CURRENT), paused=True, inference={"replicas": 5})
    decision = plan(observed)
    assert (decision.create, decision.apply, decision.delete) == ((), (), ())
    assert status_of(observed).phase == "Paused"
    assert condition(observed, "Serving")[0] == "True", "what serves goes on serving"
