"""What a person reads, on a terminal 100 characters wide (golden/*.txt)."""

import io
from pathlib import Path

import pytest
from rich.console import Console, RenderableType

from catdog_client.cluster.checks import check
from catdog_client.cluster.model import read_model
from catdog_client.cluster.rendering import (
    describe,
    describe_failure,
    describe_training,
    render_list,
    render_model,
)
from catdog_client.cluster.seen import Hidden
from catdog_client.commands.doctor import render_checks
from tests.unit.client.builders import FAILURE, NOW, PROGRESS, SERVING, SHADOW, some_cluster, some_model

GOLDEN = Path(__file__).parent / "golden"
TRAINING = some_model(
    {"inference": {"replicas": 2, "modelVersion": 2}, "promotion": {"policy": "Manual"}},
    phase="Training",
    progress=PROGRESS,
    conditions=[
        *SERVING["conditions"],
        {
            "type": "Trained",
            "status": "False",
            "reason": "Training",
            "message": "Job pets-train-3f9c2a7b10 trains the present settings; [red]brackets[/red] stay",
            "lastTransitionTime": "2026-11-30T11:58:20Z",
        },
        {"type": "KafkaReady", "status": "Unknown", "reason": "Forbidden", "message": "who knows"},
    ],
)
SHADOWED = some_model(
    {"inference": {"replicas": 2, "shadowVersion": 1}},
    conditions=[
        *SERVING["conditions"],
        {
            "type": "Shadow",
            "status": "True",
            "reason": "Shadowing",
            "message": "version 1 answers beside what serves, into topic pets-predictions-shadow",
            "lastTransitionTime": "2026-11-30T10:00:00Z",
        },
    ],
    inference={**SERVING["inference"], "shadow": SHADOW},
)
NEW = read_model({"metadata": {"name": "pets", "namespace": "kafka", "generation": 1}})
SICK = some_cluster(crd_versions=(), operators=(), default_storage_classes=Hidden("no"), models=())


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("serving", render_model(some_model(), NOW)),
        ("training", render_model(TRAINING, NOW)),
        ("shadow", render_model(SHADOWED, NOW)),
        ("new", render_model(NEW, NOW)),
        ("list", render_list([some_model(), TRAINING], everywhere=True)),
        ("well", render_checks(check(some_cluster()))),
        ("sick", render_checks(check(SICK))),
    ],
)
def test_it_looks_as_it_did(name: str, shown: RenderableType) -> None:
    golden = GOLDEN / f"{name}.txt"
    text = render(shown)
    if not golden.exists():
        golden.write_text(text)
        pytest.fail(f"{golden} was not there: look at what was written, and run again")
    assert text == golden.read_text()


def test_colours_come_on_a_terminal_alone() -> None:
    shown = render_model(some_model(), NOW)
    assert "\x1b[32m" in render(shown, terminal=True)
    assert "\x1b" not in render(shown)


def test_a_shadow_that_has_nothing_to_compare_yet_says_so() -> None:
    nothing = {"version": 1, "since": "2026-11-30T11:59:00Z", "unmatched": 2, "skipped": 3}
    shown = render(render_model(some_model(inference={**SERVING["inference"], "shadow": nothing}), NOW))
    assert (
        "shadow: version 1, counted for 1 min: no record that both have answered yet; "
        "2 answered by one alone; 3 left out by the shadow"
    ) in " ".join(shown.split())


def test_a_line_says_what_a_model_is_at() -> None:
    assert describe(some_model(), NOW) == "pets: Serving: version 2 serves with all 2 replicas ready"
    assert describe(TRAINING, NOW) == "pets: Training: Epochs 7/20, 96.0% of validation right, 210 photos/s"
    assert (
        describe(some_model(observedGeneration=3), NOW) == "pets: the operator has not seen the last edit yet"
    )


def test_the_end_of_a_training_is_told_with_what_became_of_its_version() -> None:
    nothing_yet = some_model(versions=[])
    assert (
        describe_training(some_model(), nothing_yet)
        == "version 2 is trained, 97.0% of 940 validation photos right; it serves"
    )
    promoted = {"type": "Promoted", "status": "False", "reason": "BelowMinAccuracy", "message": "too bad"}
    refused = some_model(training={"hash": "77ab01c2d3"}, conditions=[promoted])
    assert describe_training(refused, nothing_yet) == (
        "version 1 is trained, 70.0% of 60 validation photos right; it does not serve: too bad"
    )
    assert describe_training(nothing_yet, nothing_yet) == "no version of the present settings is on the claim"


def test_a_version_that_was_there_before_is_not_called_trained() -> None:
    assert describe_training(some_model(), some_model()) == (
        "nothing was trained, as version 2 was there already, 97.0% of 940 validation photos right; it serves"
    )


def test_a_version_is_trained_whose_settings_had_another_that_was_pruned() -> None:
    [newest, *_] = some_model().status.versions
    pruned = some_model(versions=[{"version": 1, "hash": newest.hash}])
    assert describe_training(some_model(), pruned).startswith("version 2 is trained, ")


def test_a_failure_is_told_with_the_time_of_the_next_attempt() -> None:
    again = {**FAILURE, "nextAttemptTime": "2026-11-30T12:05:00Z"}
    assert describe_failure(some_model(lastFailure=again)) == (
        "OOMKilled: the trainer ran out of memory; it is tried again at 12:05:00 UTC"
    )
    assert describe_failure(some_model(lastFailure={**FAILURE, "hash": "of others"})) is None
    assert describe_failure(some_model()) is None


def render(shown: RenderableType, *, terminal: bool = False) -> str:
    file = io.StringIO()
    console = Console(
        file=file,
        width=100,
        force_terminal=terminal,
        color_system="standard" if terminal else None,
        highlight=False,
    )
    console.print(shown)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"
