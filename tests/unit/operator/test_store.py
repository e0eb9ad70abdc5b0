"""What the store knows after watches, writes and lists, in whatever order they come."""

from typing import Any

import pytest

from catdog_operator.kinds import CLAIM, DEPLOYMENT, JOB, MODEL, POD, Kind
from catdog_operator.store import Key, Reference, Store
from catdog_operator.views import Job

PETS = Key("kafka", "pets")


def children(store: Store, kind: Kind, model: Key) -> list[str]:
    return [job.metadata.name for job in store.see_children(kind, model, Job)]


def body(name: str, revision: int, uid: str = "1", model: str | None = None) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "name": name,
        "namespace": "kafka",
        "uid": uid,
        "resourceVersion": str(revision),
        "generation": 0,
    }
    if model:
        metadata["labels"] = {"catdog.dev/model": model}
    return {"metadata": metadata, "revision": revision, "spec": {"replicas": 0}}


def test_a_late_event_does_not_undo_what_a_write_has_answered() -> None:
    store = Store()
    assert store.put(JOB, body("a", 7))
    assert not store.put(JOB, body("a", 5))
    assert store.get(JOB, "kafka", "a") == body("a", 7)


def test_the_echo_of_a_write_is_no_news() -> None:
    store = Store()
    assert store.put(JOB, body("a", 7))
    assert not store.put(JOB, body("a", 7))


def test_the_end_of_an_object_does_not_hide_its_successor() -> None:
    store = Store()
    store.put(JOB, body("a", 5, uid="old"))
    store.put(JOB, body("a", 9, uid="new"))
    store.drop(JOB, body("a", 8, uid="old"))
    assert store.get(JOB, "kafka", "a") is not None


def test_children_are_found_by_the_models_label_until_they_are_gone() -> None:
    store = Store()
    store.put(JOB, body("b", 1, model="pets"))
    store.put(JOB, body("a", 1, model="pets"))
    store.put(JOB, body("c", 1, model="other"))
    store.put(POD, body("d", 1, model="pets"))
    assert children(store, JOB, PETS) == ["a", "b"]
    store.drop(JOB, body("a", 2, model="pets"))
    assert children(store, JOB, PETS) == ["b"]


@pytest.mark.parametrize("label", [None, "other"])
def test_an_object_that_loses_its_models_label_is_no_child_of_it_and_the_model_hears_of_that(
    label: str | None,
) -> None:
    store = Store()
    store.put(POD, body("a", 1, model="pets"))
    relabelled = body("a", 2, model=label)
    assert PETS in store.models_about(POD, relabelled)
    store.put(POD, relabelled)
    assert children(store, POD, PETS) == []
    store.drop(POD, body("a", 3, model=label))
    assert children(store, POD, PETS) == []


def test_a_list_takes_away_what_a_broken_watch_did_not_tell() -> None:
    store = Store()
    store.put(JOB, body("gone", 1, model="pets"))
    store.put(POD, body("stays", 1, model="pets"))
    store.put(JOB, body("listed", 2, model="pets"))
    store.retain(JOB, {Reference("Job", "kafka", "listed")}, 2)
    assert children(store, JOB, PETS) == ["listed"]
    assert store.get(POD, "kafka", "stays") is not None


def test_what_was_written_since_a_list_was_made_stays() -> None:
    store = Store()
    store.put(JOB, body("written", 9, model="pets"))
    store.retain(JOB, set(), 8)
    assert children(store, JOB, PETS) == ["written"]


def test_a_list_does_not_bring_back_what_went_since_it_was_asked_for() -> None:
    store = Store()
    store.put(JOB, body("a", 5))
    store.prepare_lists()
    store.drop(JOB, body("a", 8))
    store.put(JOB, body("a", 5))
    assert store.get(JOB, "kafka", "a") is None


def test_an_unlabelled_object_is_of_interest_to_those_that_name_it() -> None:
    store = Store()
    photos = Reference("PersistentVolumeClaim", "kafka", "photos")
    store.refer(PETS, frozenset({photos}))
    assert store.models_about(CLAIM, body("photos", 1)) == {PETS}
    assert store.models_about(CLAIM, body("others", 1)) == set()
    store.refer(PETS, frozenset())
    assert store.models_about(CLAIM, body("photos", 1)) == set()


def test_a_model_that_goes_takes_its_references_with_it() -> None:
    store = Store()
    store.put(MODEL, body("pets", 1))
    store.refer(PETS, frozenset({Reference("PersistentVolumeClaim", "kafka", "photos")}))
    store.drop(MODEL, body("pets", 2))
    assert store.models() == []
    assert store.models_about(CLAIM, body("photos", 1)) == set()


def test_a_deployment_whose_pods_are_being_replaced_is_rolling_until_all_are_ready_or_it_gives_up() -> None:
    store = Store()
    counts = {"replicas": 2, "updatedReplicas": 2, "readyReplicas": 1}
    rolling = body("a", 1, model="pets") | {"spec": {"replicas": 2}, "status": counts}
    store.put(DEPLOYMENT, rolling)
    assert store.rolling() == {PETS}
    store.put(
        DEPLOYMENT,
        body("a", 2, model="pets") | {"spec": {"replicas": 2}, "status": counts | {"readyReplicas": 2}},
    )
    assert store.rolling() == set()
    given_up = {"conditions": [{"type": "Progressing", "status": "False"}]}
    store.put(DEPLOYMENT, body("a", 3, model="pets") | {"spec": {"replicas": 2}, "status": counts | given_up})
    assert store.rolling() == set(), "one that never gets ready does not keep the others waiting"
    store.put(DEPLOYMENT, rolling | {"metadata": rolling["metadata"] | {"resourceVersion": "4"}})
    store.drop(DEPLOYMENT, rolling)
    assert store.rolling() == set()


def test_nobody_waits_for_a_shadow_whose_pod_does_not_get_ready() -> None:
    store = Store()
    counts = {"replicas": 1, "updatedReplicas": 1, "readyReplicas": 0, "observedGeneration": 1}
    shadow = body("a", 1, model="pets") | {"spec": {"replicas": 1}, "status": counts}
    shadow["metadata"]["labels"]["app.kubernetes.io/component"] = "shadow"
    store.put(DEPLOYMENT, shadow)
    assert store.rolling() == set()
