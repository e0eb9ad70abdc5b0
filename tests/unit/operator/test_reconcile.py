"""A model's way through observe, plan, apply and report, against an API server in memory with one journal."""

import asyncio
from typing import Any

import pytest

from catdog_operator.delay_queue import DelayQueue
from catdog_operator.kinds import DEPLOYMENT, MODEL
from catdog_operator.kinds import JOB as JOB_KIND
from catdog_operator.plan import plan
from catdog_operator.reconcile import Outcome, Reconciler, reconcile
from catdog_operator.store import Key
from tests.unit.operator.builders import later, some_result
from tests.unit.operator.world import JOB, PETS, World, serving_world


async def test_a_model_comes_to_serve_and_then_nothing_is_written_any_more() -> None:
    world = await serving_world()
    assert world.status()["phase"] == "Degraded", "its claim is not bound in this world"
    assert world.reason("Ready") == "Serving"
    for _ in range(3):
        assert (await world.reconcile())[0] == []


async def test_a_new_model_gets_all_it_needs_and_a_status_in_one_go() -> None:
    world = World()
    world.add_kafka()
    world.api.put_model()
    writes, outcome = await world.reconcile()
    assert writes == [
        "apply NetworkPolicy pets-training",
        "apply NetworkPolicy pets-inference",
        "apply KafkaTopic pets-images",
        "apply KafkaTopic pets-predictions",
        "apply KafkaTopic pets-dead-letters",
        "apply KafkaUser pets-catdog",
        "create PersistentVolumeClaim pets-models",
        f"create Job {JOB}",
        "create Event TrainingStarted",
        "report pets",
    ]
    assert outcome == Outcome(10.0)


async def test_a_decision_sees_the_operators_own_writes_before_any_watch_tells_of_them() -> None:
    world = World()
    world.api.put_model()
    world.api.tell(world.store)
    await reconcile(world.cluster, PETS)
    before = list(world.api.journal)
    await reconcile(world.cluster, PETS)
    assert world.api.journal == before


async def test_an_operator_that_was_restarted_writes_nothing() -> None:
    world = await serving_world()
    world.start_operator()
    assert (await world.reconcile())[0] == []


async def test_what_was_changed_behind_the_operators_back_is_put_back() -> None:
    world = await serving_world()
    body = world.api.objects["Deployment", "kafka", "pets-inference"]
    world.api.put(body | {"spec": body["spec"] | {"replicas": 7}})
    writes, _ = await world.reconcile()
    assert writes == ["apply Deployment pets-inference", "report pets"]


async def test_what_admission_writes_otherwise_is_left_to_it_and_the_status_is_told_all_the_same() -> None:
    world = await serving_world()
    world.api.rewrites = mirror_images
    world.api.remove("Deployment", "pets-inference")
    await world.reconcile()
    world.roll_out()
    _, outcome = await world.reconcile()
    assert not outcome.refused
    assert world.reason("Serving") == "Serving"
    [container] = images_of(world.api.objects["Deployment", "kafka", "pets-inference"])
    assert container["image"] == "mirror.example/catdog-inference:1"
    writes, outcome = await world.reconcile()
    assert writes == ["apply Deployment pets-inference"], "once, and it changes nothing"
    assert not outcome.refused


async def test_writes_that_do_not_come_to_an_end_are_broken_off_and_the_status_is_told() -> None:
    world = World()
    drawn = iter(range(1000))
    world.api.rewrites = lambda manifest: manifest | {"spec": {"drawn": next(drawn)}}
    world.api.put_model()
    _, outcome = await world.reconcile()
    assert outcome.refused
    assert next(drawn) < 50
    assert world.reason("KafkaReady") == "KafkaNotFound"


def mirror_images(manifest: dict[str, Any]) -> dict[str, Any]:
    """Have images come from another registry, as a rule of admission does."""
    for container in images_of(manifest):
        container["image"] = f"mirror.example/{container['image'].rpartition('/')[2]}"
    return manifest


def images_of(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    containers: list[dict[str, Any]] = (
        manifest.get("spec", {}).get("template", {}).get("spec", {}).get("containers", [])
    )
    return containers


async def test_a_leaf_that_is_wanted_no_more_is_applied_away() -> None:
    world = await serving_world()
    world.api.put_model(inference={"pod": {"nodeSelector": {"zone": "a"}}})
    await world.reconcile()
    world.api.put_model()
    writes, _ = await world.reconcile()
    assert "apply Deployment pets-inference" in writes
    pod = world.api.objects["Deployment", "kafka", "pets-inference"]["spec"]["template"]["spec"]
    assert "nodeSelector" not in pod


async def test_a_failure_is_noted_before_its_job_is_deleted_and_the_next_attempt_counts_on() -> None:
    world = World()
    world.api.put_model()
    await world.reconcile()
    world.end_training(JOB, 65, '{"reason": "DataNotFound", "message": "there are no photos"}')
    world.api.time = later(60)
    writes, _ = await world.reconcile()
    assert writes[:3] == ["create Event TrainingFailed", "report pets", f"delete Job {JOB}"]
    assert world.status()["lastFailure"]["attempts"] == 1
    world.api.remove("Job", JOB)
    world.api.remove("Pod", f"{JOB}-1")
    writes, _ = await world.reconcile()
    assert writes[0] == f"create Job {JOB}"
    assert world.api.objects["Job", "kafka", JOB]["metadata"]["annotations"]["catdog.dev/attempt"] == "2"


async def test_a_job_that_somebody_else_has_replaced_stays_known() -> None:
    world = World()
    world.api.put_model()
    await world.reconcile()
    world.end_training(JOB, 65, '{"reason": "DataNotFound", "message": "there are no photos"}')
    await world.reconcile()
    world.api.time = later(60)
    observed = await world.cluster.observe(PETS)
    assert observed is not None
    successor = world.api.objects["Job", "kafka", JOB]
    successor["metadata"]["uid"] = "another"
    world.api.tell(world.store)
    await world.cluster.apply(plan(observed))
    assert world.store.get(JOB_KIND, "kafka", JOB) is not None


async def test_a_refused_write_is_told_in_the_condition_of_its_kind_and_tried_again() -> None:
    world = World()
    world.api.refusals["Job"] = "exceeded quota: small, requested: pods=1, used: pods=1, limited: pods=1"
    world.api.put_model()
    _, outcome = await world.reconcile()
    assert outcome.refused
    assert world.reason("Trained") == world.reason("Ready") == "QuotaExceeded"
    assert world.status()["phase"] == "Pending"
    world.api.refusals.clear()
    _, outcome = await world.reconcile()
    assert not outcome.refused
    assert world.reason("Trained") == "Training"


async def test_an_object_of_somebody_else_is_not_taken_over() -> None:
    world = await serving_world()
    world.api.remove("Deployment", "pets-inference")
    foreign = {"kind": "Deployment", "metadata": {"name": "pets-inference", "namespace": "kafka"}, "spec": {}}
    world.api.put(foreign)
    world.api.tell(world.store)
    told = world.api.objects["Deployment", "kafka", "pets-inference"]
    world.store.drop(DEPLOYMENT, told)  # the watch's selector leaves it out
    outcome = await reconcile(world.cluster, PETS)
    assert outcome.refused
    assert world.reason("Serving") == "Refused"
    assert world.api.objects["Deployment", "kafka", "pets-inference"]["spec"] == {}


async def test_a_model_that_is_being_deleted_is_left_alone() -> None:
    world = await serving_world()
    body = world.api.objects["CatDogModel", *PETS]
    world.api.put(body | {"metadata": body["metadata"] | {"deletionTimestamp": "2026-03-01T12:00:00Z"}})
    world.api.remove("Deployment", "pets-inference")
    assert (await world.reconcile())[0] == []


async def test_progress_comes_from_the_log_of_the_pod_that_runs() -> None:
    world = World()
    world.api.put_model()
    await world.reconcile()
    labels = world.api.objects["Job", "kafka", JOB]["metadata"]["labels"]
    running: dict[str, Any] = {"containerStatuses": [{"state": {"running": {}}}]}
    world.add("Pod", f"{JOB}-1", status=running, labels=labels)
    world.api.logs = (
        'cut off"}\n{"progress": {"stage": "Epochs", "epoch": 3, "epochs": 20}}\n{"event": "x"}\n'
    )
    await world.reconcile()
    assert world.status()["progress"]["epoch"] == 3


async def test_a_container_that_a_mesh_puts_beside_the_trainer_does_not_speak_for_it() -> None:
    world = World()
    world.add_kafka()
    world.api.put_model()
    await world.reconcile()
    mesh = {"name": "istio-proxy", "state": {"running": {}}}  # statuses are in the order of names
    job = world.api.objects["Job", "kafka", JOB]["metadata"]
    labels = job["labels"] | {"batch.kubernetes.io/controller-uid": job["uid"]}
    running = {"containerStatuses": [mesh, {"name": "trainer", "state": {"running": {}}}]}
    world.add("Pod", f"{JOB}-1", status=running, labels=labels)
    world.api.logs = '{"progress": {"stage": "Epochs", "epoch": 3, "epochs": 20}}\n'
    await world.reconcile()
    assert world.status()["progress"]["epoch"] == 3
    end = {"terminated": {"exitCode": 0, "message": some_result(1, "572360246d")}}
    done = {"containerStatuses": [mesh, {"name": "trainer", "state": end}]}
    world.api.set_status("Pod", f"{JOB}-1", done)
    await world.reconcile()
    assert world.reason("Trained") == "Trained"


async def test_two_operators_do_not_correct_each_others_progress() -> None:
    world = World()
    world.api.put_model()
    await world.reconcile()
    labels = world.api.objects["Job", "kafka", JOB]["metadata"]["labels"]
    running: dict[str, Any] = {"containerStatuses": [{"state": {"running": {}}}]}
    world.add("Pod", f"{JOB}-1", status=running, labels=labels)
    world.api.logs = '{"progress": {"stage": "Epochs", "epoch": 3, "epochs": 20}}\n'
    await world.reconcile()
    first = world.store, world.cluster
    world.start_operator()
    world.api.logs = '{"progress": {"stage": "Epochs", "epoch": 4, "epochs": 20}}\n'
    await world.reconcile()
    world.store, world.cluster = first
    assert (await world.reconcile())[0] == []
    assert world.status()["progress"]["epoch"] == 4


async def test_what_went_unseen_in_a_gap_is_noticed_soon() -> None:
    world = await serving_world()
    world.api.remove("Deployment", "pets-inference")
    queue = DelayQueue[Key]()
    reconciler = Reconciler(world.cluster, queue, gap_seconds=0)
    resync = asyncio.create_task(reconciler.resync())
    reconciler.note_gap()
    async with asyncio.timeout(60), queue.take() as key:
        await reconcile(world.cluster, key)
    resync.cancel()
    assert ("Deployment", "kafka", "pets-inference") in world.api.objects


async def test_looks_at_everything_go_on_after_one_that_failed_for_whatever_reason(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = await serving_world()
    queue = DelayQueue[Key]()
    reconciler = Reconciler(world.cluster, queue, gap_seconds=0)
    world.api.odd_answers = 1
    resync = asyncio.create_task(reconciler.resync())
    reconciler.note_gap()
    async with asyncio.timeout(60), queue.take() as key:
        assert key == PETS
    resync.cancel()
    assert "resync failed" in caplog.text


async def test_nothing_is_decided_until_the_watches_have_told_of_all_that_is_there() -> None:
    world = await serving_world()
    queue = DelayQueue[Key]()
    reconciler = Reconciler(world.cluster, queue, gap_seconds=0.05)
    await reconciler.begin()
    tasks = [asyncio.create_task(each) for each in (reconciler.work(), reconciler.await_watches())]
    world.api.remove("Deployment", "pets-inference")  # no watch will tell of it
    told = [body["metadata"]["uid"] for body in world.api.objects.values()]
    for uid in told[1:]:
        reconciler.note_listed(uid)
    world.api.reported.clear()
    await asyncio.sleep(0.1)
    assert ("Deployment", "kafka", "pets-inference") not in world.api.objects
    reconciler.note_listed(told[0])
    await asyncio.wait_for(world.api.reported.wait(), 60)
    for task in tasks:
        task.cancel()
    assert ("Deployment", "kafka", "pets-inference") in world.api.objects


async def test_an_api_server_that_is_away_is_waited_for_ever_longer() -> None:
    world = World()
    world.api.put_model()
    world.api.tell(world.store)
    world.api.away = True
    queue = DelayQueue[Key]()
    reconciler = Reconciler(world.cluster, queue)
    waits = [(await reconciler._try(PETS)).look_again for _ in range(8)]  # noqa: SLF001 - the clock is the queue's
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    world.api.away = False
    assert (await reconciler._try(PETS)).look_again == 10.0  # noqa: SLF001


async def test_a_fault_of_ours_with_one_model_is_logged_and_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World()
    odd = {"name": "odd", "namespace": "kafka", "uid": "2", "resourceVersion": "9"}
    world.store.put(MODEL, {"metadata": odd, "spec": "no spec at all"})
    outcome = await Reconciler(world.cluster, DelayQueue[Key]())._try(Key("kafka", "odd"))  # noqa: SLF001
    assert outcome.look_again == 1
    assert "reconcile failed" in caplog.text


async def test_a_status_of_another_release_counts_as_none_and_is_written_anew() -> None:
    world = await serving_world()
    before = world.status()
    world.api.set_status("CatDogModel", "pets", before | {"inference": {"servedVersion": "one"}})
    await world.reconcile()
    assert world.status()["inference"] == before["inference"]


async def test_workers_take_what_is_due_until_they_are_cancelled() -> None:
    world = World()
    world.api.put_model()
    world.api.tell(world.store)
    queue = DelayQueue[Key]()
    await queue.put(PETS)
    worker = asyncio.create_task(Reconciler(world.cluster, queue).work())
    await asyncio.wait_for(world.api.reported.wait(), 60)
    worker.cancel()
    assert world.reason("Trained") == "Training"


async def test_strimzi_may_be_installed_after_the_operator() -> None:
    world = World()
    world.api.has_strimzi = False
    world.api.put_model()
    kinds = await world.cluster.look_at_kinds()
    assert {kind.name for kind in kinds.missing} == {"Kafka", "KafkaTopic", "KafkaUser"}
    await world.reconcile()
    assert world.reason("KafkaReady") == "StrimziNotInstalled"
    world.api.has_strimzi = True
    assert (await world.cluster.look_at_kinds()).unreadable == frozenset()
    await world.reconcile()
    assert world.reason("KafkaReady") == "KafkaNotFound"


async def test_what_may_not_be_read_is_told_and_until_then_nothing_is_decided_on_half_a_view() -> None:
    world = await serving_world()
    before = world.status()
    world.api.unreadable = {"Deployment"}
    await world.cluster.look_at_kinds()
    told = world.api.objects["Deployment", "kafka", "pets-inference"]
    world.store.drop(DEPLOYMENT, told)  # an operator that starts now would not know it
    written = len(world.api.journal)
    await reconcile(world.cluster, PETS)
    assert world.api.journal[written:] == ["report pets"]
    assert world.reason("Ready") == world.reason("Serving") == "Forbidden"
    assert world.reason("Trained") == "Trained"
    assert {name: value for name, value in world.status().items() if name != "conditions"} == {
        name: value for name, value in before.items() if name != "conditions"
    }
    world.api.unreadable = set()
    await world.cluster.look_at_kinds()
    world.start_operator()
    await world.reconcile()
    assert world.reason("Ready") == "Serving"
