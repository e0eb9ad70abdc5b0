"""What the pages say of a model, and of a version."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec

from catdog_common.artifact import MODEL_FILE
from catdog_console.cluster import Known, Outage
from catdog_console.epochs import Epochs, note_progress
from catdog_console.version_view import Confusion, add_metrics, view_version
from catdog_console.views import ModelView, view_list, view_model, view_outages
from tests.tiny_version import publish_tiny_version
from tests.unit.client.builders import FAILURE, NOW, PROGRESS, some_model
from tests.unit.console.builders import PETS, URL

LOSSES = {"loss": 0.11, "accuracy": 0.96, "valLoss": 0.09, "valAccuracy": 0.97}


def view(spec: dict[str, object] | None = None, **status: object) -> ModelView:
    model = some_model(spec, **status)
    epochs = note_progress(Epochs(), model.status.progress)
    return view_model(PETS, Known(model, {}, epochs), NOW)


def test_a_model_that_serves_says_so_in_one_sentence_and_by_colour() -> None:
    seen = view()
    assert (seen.phase, seen.tone) == ("Serving", "good")
    assert seen.words == "Version 2 serves with all 2 replicas ready."
    assert seen.notes == ("Version 2 serves, 97.0% right on validation photos; 2 of 2 workers are ready.",)
    assert seen.training is None


def test_what_a_person_set_is_said() -> None:
    spec = {"inference": {"replicas": 2, "modelVersion": 2}, "promotion": {"policy": "Manual"}}
    assert view(spec).notes[1:] == ("Version 2 is pinned.", "Versions are promoted by hand.")


def test_a_shadow_is_said_with_how_often_it_agrees() -> None:
    inference = {
        "servedVersion": 1,
        "readyReplicas": 1,
        "shadow": {"version": 2, "records": 40, "agreement": 0.9},
    }
    notes = view(inference=inference).notes
    assert notes[-1] == "Shadow: version 2: 90.0% of 40 records got the same label from both."


def test_an_edit_that_the_operator_has_not_seen_is_said_before_all_else() -> None:
    assert view(observedGeneration=3).words == "The operator has not seen the last edit yet."


def test_a_model_of_which_nothing_is_known_has_a_page() -> None:
    seen = view(conditions=[], versions=[], history=[], phase="", inference={})
    assert (seen.phase, seen.words) == ("Pending", "Nothing is said of it yet.")
    assert (seen.versions, seen.history, seen.notes) == ((), (), ())


def test_a_training_shows_how_far_it_is_and_the_time_left() -> None:
    training = view(phase="Training", progress=PROGRESS | LOSSES).training
    assert training is not None
    assert (training.stage, training.done, training.total) == ("Epochs", 7, 20)
    assert dict(training.figures) == {
        "Epoch": "7 of 20",
        "Validation photos right": "97.0%",
        "Validation log-loss": "0.090",
        "Photos a second": "210",
        "Time left": "about 2 min 30 s, until 12:02:30 UTC",
    }
    assert [chart.title for chart in training.charts] == ["Log-loss", "Photos that are right"]


def test_a_training_before_its_first_epoch_has_nothing_to_draw() -> None:
    training = view(phase="Training", progress={"hash": "h", "stage": "Features"}).training
    assert training is not None
    assert (training.charts, training.figures, training.total) == ((), (), 0)


def test_a_failure_is_told_with_what_is_done_about_it() -> None:
    failed = view(lastFailure=FAILURE | {"nextAttemptTime": "2026-11-30T12:10:00Z"})
    assert failed.failure == "OOMKilled: the trainer ran out of memory; it is tried again at 12:10:00 UTC"


def test_versions_say_what_they_are() -> None:
    newest, first = view().versions
    assert (newest.number, newest.serves, newest.remarks) == (2, True, "serves, of the present settings")
    assert (first.url, first.gate, first.tone) == (f"{URL}/versions/1", "failed", "bad")


def test_names_can_lead_nowhere_else() -> None:
    odd = PETS._replace(name='a"/../b')
    assert view_model(odd, Known(some_model(), {}), NOW).url == "/models/kafka/a%22%2F..%2Fb"
    [row] = view_list({odd: Known(some_model(), {})})
    assert row.workers == "2 of 2 ready"


def test_an_outage_says_since_when_what_is_shown_is_old() -> None:
    outage = Outage("no API server answers", datetime(2026, 11, 30, 9, 0, tzinfo=UTC))
    [words] = view_outages({"kafka": outage})
    assert words == (
        "Nothing is heard of the models of namespace kafka since 09:00:00 UTC: no API server answers. "
        "What is shown is from before."
    )


def test_a_version_shows_the_pictures_that_it_has_and_the_figures_of_its_metadata(tmp_path: Path) -> None:
    model = some_model()
    version = model.version(1)
    assert version is not None
    seen = view_version(PETS, model, version, ["training.png", "model.json", "trunk.tflite"])
    assert [each.url for each in seen.pictures] == [f"{URL}/versions/1/files/training.png"]
    assert [each.name for each in seen.downloads] == ["model.json", "trunk.tflite"]
    assert dict(seen.facts)["Gate"] == "failed"
    metadata = msgspec.json.decode((publish_tiny_version(tmp_path) / MODEL_FILE).read_bytes())
    metadata["metrics"] |= {
        "logLoss": 0.1234,
        "confusion": {"cat": {"cat": 40, "dog": 2}, "dog": {"dog": 38}},
        "unknown": 3,
        "calibration": {
            "photos": 80,
            "errorBefore": 0.05,
            "errorAfter": 0.01,
            "logLossBefore": 0.2,
            "logLossAfter": 0.1,
        },
    }
    measured = add_metrics(seen, msgspec.json.encode(metadata))
    assert measured.confusion == Confusion(("cat", "dog"), (("cat", (40, 2)), ("dog", (0, 38))))
    assert dict(measured.facts)["Log-loss"] == "0.123"
    assert dict(measured.facts)["Answered unknown"] == "3 photos"
    assert measured.calibration is not None
    assert "0.010 with the fitted temperature, and 0.050 without" in measured.calibration
