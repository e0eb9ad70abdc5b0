"""When there is to be a shadow, what it is like, what is said of it, and whom it leaves alone."""

import json
from typing import Any

import msgspec
import pytest

from catdog_common.complaints import KAFKA_UNUSABLE
from catdog_common.shadow import ShadowReport
from catdog_operator import views as seen
from catdog_operator.manifests.common import Manifest
from catdog_operator.manifests.deployment import settings_digest
from catdog_operator.observed import Complaint, Observed, ShadowLog
from catdog_operator.plan import plan
from catdog_operator.plan.leftovers import find_leftovers
from catdog_operator.plan.pod_trouble import KAFKA_ADVICE
from catdog_operator.plan.shadow import INSTEAD
from catdog_operator.references import references
from catdog_operator.resolve import resolve
from catdog_operator.status import Refusal, build_status
from catdog_operator.status_fields import InferenceStatus, ModelStatus, ShadowStatus, Version
from catdog_operator.store import Reference
from catdog_operator.views import WHEN_DELETED_ANNOTATION
from tests.unit.operator.builders import (
    NOW,
    condition,
    ended,
    environment_of,
    some_connection,
    some_deployment,
    some_model,
    some_observed,
    some_topic,
    some_worker,
    status_of,
)
from tests.unit.operator.test_manifests import compare_with_golden
from tests.unit.operator.world import JOB, PETS, World, serving_world

VERSIONS = tuple(
    Version(
        version=number, hash=f"{number}" * 10, accuracy=0.9, photos=940, trained_at="2026-03-01T11:00:00Z"
    )
    for number in (2, 1)
)
TOPIC = "pets-predictions-shadow"
SINCE = "2026-03-01T11:30:00Z"


def shadowed(shadow: int | None = 2, inference: dict[str, Any] | None = None, **fields: object) -> Observed:
    """Return a model whose version 1 serves, pinned, and which is to have a shadow."""
    chosen = {"modelVersion": 1} | ({"shadowVersion": shadow} if shadow else {}) | (inference or {})
    model = some_model(status=ModelStatus(versions=VERSIONS), inference=chosen)
    topics = some_observed().topics | {TOPIC: some_topic(TOPIC)}
    serving = {"deployment": some_deployment(1), "inference_pods": (some_worker(1),), "topics": topics}
    return some_observed(model, **(serving | fields))


def running(shadow: int = 2, pod: seen.Pod | None = None, **fields: Any) -> Observed:  # noqa: ANN401
    """Return the same when the shadow's Deployment is there, with its pod."""
    there: dict[str, Any] = {
        "shadow_deployment": some_shadow(shadow),
        "shadow_pods": (pod or some_pod(shadow),),
    }
    return shadowed(shadow, **(there | fields))


def some_shadow(version: int, **metadata: object) -> seen.Deployment:
    deployment = some_deployment(version)
    plain = seen.Metadata(name="pets-shadow", uid="uid-of-shadow", generation=1)
    return msgspec.structs.replace(deployment, metadata=msgspec.structs.replace(plain, **metadata))


def some_pod(version: int, *state: Any, **fields: Any) -> seen.Pod:  # noqa: ANN401
    pod = some_worker(version, *state, **fields)
    labels = pod.metadata.labels | {"app.kubernetes.io/component": "shadow"}
    metadata = msgspec.structs.replace(pod.metadata, name="pets-shadow-x", labels=labels)
    return msgspec.structs.replace(pod, metadata=metadata)


def some_report(**counts: Any) -> ShadowReport:  # noqa: ANN401
    report = ShadowReport(
        version=2,
        since=SINCE,
        champion_version=1,
        records=8,
        agreed=6,
        confidence=6.4,
        champion_confidence=7.2,
    )
    return msgspec.structs.replace(report, **counts)


def wanted(observed: Observed) -> dict[str, Manifest]:
    return {f"{each['kind']}/{each['metadata']['name']}": each for each in plan(observed).apply}


def conditions(observed: Observed) -> dict[str, tuple[str, str]]:
    return {each.type: (each.status, each.reason) for each in status_of(observed).conditions}


def test_the_shadows_deployment_is_as_reviewed() -> None:
    compare_with_golden("Deployment-shadow", wanted(shadowed())["Deployment/pets-shadow"])


def test_the_rights_of_a_shadow_are_as_reviewed() -> None:
    compare_with_golden("KafkaUser-shadow", wanted(shadowed())["KafkaUser/pets-catdog"])


def test_a_shadow_differs_from_a_worker_in_what_it_reads_and_writes_and_in_nothing_else() -> None:
    manifests = wanted(shadowed())
    worker, shadow = (
        manifests[f"Deployment/{name}"]["spec"]["template"]["spec"]
        for name in ("pets-inference", "pets-shadow")
    )
    own = {"CATDOG_MODEL_VERSION", "CATDOG_KAFKA_CONSUMER_GROUP", "CATDOG_KAFKA_START_FROM"}
    own |= {"CATDOG_OUTPUT_TOPIC", "CATDOG_CHAMPION_TOPIC"}
    of_both = [environment_of(manifests[f"Deployment/{name}"]) for name in ("pets-inference", "pets-shadow")]
    assert {name for name, _ in of_both[0].items() ^ of_both[1].items()} == own
    [first], [second] = worker.pop("containers"), shadow.pop("containers")
    cpus = [each.pop("resources")["requests"].pop("cpu") for each in (first, second)]
    assert cpus == ["100m", "10m"], "where all want the processors, workers have ten times its share"
    worker.pop("topologySpreadConstraints", None)
    assert worker == shadow
    assert first | {"env": []} == second | {"env": []}


def test_a_shadow_changes_nothing_of_what_the_champion_is_made_of() -> None:
    without, with_one = wanted(shadowed(None)), wanted(shadowed())
    own = {"Deployment/pets-shadow", f"KafkaTopic/{TOPIC}"}
    assert with_one.keys() - without.keys() == own
    assert {name for name in without if without[name] != with_one[name]} == {"KafkaUser/pets-catdog"}
    named = {"strimzi": {"name": "my-cluster"}, "topics": {"shadow": {"name": "beside"}}}
    digests = {
        settings_digest(some_model(inference=inference, kafka=kafka), some_connection(), openshift=False)
        for inference in ({}, {"shadowVersion": 2})
        for kafka in ({"strimzi": {"name": "my-cluster"}}, named)
    }
    assert len(digests) == 1


def test_nothing_that_selects_workers_selects_the_shadow_but_the_policy() -> None:
    manifests = wanted(shadowed())
    labels = manifests["Deployment/pets-shadow"]["spec"]["template"]["metadata"]["labels"]
    worker = manifests["Deployment/pets-inference"]["spec"]
    status = status_of(shadowed()).inference
    assert status is not None
    selectors = [
        worker["selector"]["matchLabels"],
        manifests["PodDisruptionBudget/pets-inference"]["spec"]["selector"]["matchLabels"],
        dict(each.split("=") for each in status.selector.split(",")),
    ]
    assert not [each for each in selectors if each.items() <= labels.items()]
    assert not manifests["Deployment/pets-shadow"]["spec"]["selector"]["matchLabels"].items() <= (
        worker["template"]["metadata"]["labels"].items()
    )


def test_where_no_worker_is_wanted_neither_is_its_shadow() -> None:
    observed = running(inference={"replicas": 0})
    assert wanted(observed)["Deployment/pets-shadow"]["spec"]["replicas"] == 0
    assert condition(observed, "Shadow")[1] == "ScaledToZero"
    many = running(inference={"replicas": 5})
    assert wanted(many)["Deployment/pets-shadow"]["spec"]["replicas"] == 1


def test_a_topic_of_its_own_is_made_like_that_of_the_answers_or_as_it_is_named() -> None:
    like = {"strimzi": {"name": "my-cluster"}, "topics": {"output": {"name": "out", "partitions": 9}}}
    named = {"strimzi": {"name": "my-cluster"}, "topics": {"shadow": {"name": "beside"}}}
    for kafka, name, partitions in ((like, TOPIC, 9), (named, "beside", 6)):
        model = some_model(status=ModelStatus(versions=VERSIONS), inference={"shadowVersion": 2}, kafka=kafka)
        observed = some_observed(model, deployment=some_deployment(1), topics={})
        topic = wanted(observed)[f"KafkaTopic/{name}"]
        assert topic["spec"]["partitions"] == partitions


@pytest.mark.parametrize(
    ("observed", "reason", "message"),
    [
        (
            shadowed(7),
            "VersionNotFound",
            f"version 7 is not on the claim; it has 1 and 2; {INSTEAD}",
        ),
        (
            shadowed(deployment=None, inference_pods=()),
            "NothingServes",
            "version 2 waits for a version that serves, to be beside it",
        ),
        (
            shadowed(topics=some_observed().topics),
            "TopicNotReady",
            f"KafkaTopic {TOPIC} is being made",
        ),
        (
            shadowed(user=None),
            "WaitingForKafka",
            "version 2 waits for Kafka: KafkaUser pets-catdog is being made",
        ),
    ],
)
def test_a_shadow_waits_for_what_it_needs_and_says_so(observed: Observed, reason: str, message: str) -> None:
    assert "Deployment/pets-shadow" not in wanted(observed)
    assert condition(observed, "Shadow") == ("False", reason, message)


def test_the_version_that_serves_is_no_shadow_of_itself() -> None:
    model = some_model(
        status=ModelStatus(versions=VERSIONS), inference={"shadowVersion": 1}, promotion={"policy": "Manual"}
    )
    observed = some_observed(model, deployment=some_deployment(1), shadow_deployment=some_shadow(1))
    decision = plan(observed)
    assert decision.shadow.delete == some_shadow(1)
    expected = ("False", "ServesAlready", f"version 1 is the one that serves; {INSTEAD}")
    assert condition(observed, "Shadow") == expected


def test_a_shadow_that_is_ready_is_told_and_without_one_there_is_no_word_of_it() -> None:
    expected = ("True", "Shadowing", f"version 2 answers beside what serves, into topic {TOPIC}")
    assert condition(running(), "Shadow") == expected
    assert "Shadow" not in conditions(shadowed(None))
    status = status_of(shadowed(None)).inference
    assert status is not None
    assert status.shadow is None


@pytest.mark.parametrize("pod", [some_pod(1), some_pod(1, seen.Waiting("CrashLoopBackOff"))])
def test_how_the_version_before_does_is_not_said_of_the_one_that_takes_its_place(pod: seen.Pod) -> None:
    observed = running(2, pod=pod)
    assert condition(observed, "Shadow")[1] == "Starting"


@pytest.mark.parametrize("paused", [True, False])
def test_a_shadow_that_is_not_asked_for_goes_unless_the_model_is_paused(*, paused: bool) -> None:
    model = some_model(status=ModelStatus(versions=VERSIONS), paused=paused)
    observed = some_observed(model, deployment=some_deployment(1), shadow_deployment=some_shadow(2))
    assert plan(observed).shadow.delete == (None if paused else some_shadow(2))


@pytest.mark.parametrize(("there", "goes"), [(7, False), (2, True)])
def test_while_a_version_is_not_to_be_found_another_is_no_shadow_in_its_place(
    there: int, *, goes: bool
) -> None:
    observed = shadowed(7, shadow_deployment=some_shadow(there))
    assert condition(observed, "Shadow")[1] == "VersionNotFound"
    assert plan(observed).shadow.delete == (some_shadow(there) if goes else None)


def test_a_deployment_that_is_being_deleted_is_awaited() -> None:
    leaving = some_shadow(2, deletion_timestamp=NOW)
    assert plan(shadowed(None, shadow_deployment=leaving)).shadow.delete is None
    observed = shadowed(shadow_deployment=leaving)
    assert "Deployment/pets-shadow" not in wanted(observed)
    assert condition(observed, "Shadow")[1] == "Starting"


def test_what_is_wrong_with_a_shadow_is_told_of_it_alone() -> None:
    crashed = some_pod(2, seen.Waiting("CrashLoopBackOff"), last=ended(1, "trunk.tflite: damaged").terminated)
    observed = running(pod=crashed)
    status, reason, message = condition(observed, "Shadow")
    assert (status, reason) == ("False", "CrashLoopBackOff")
    assert "trunk.tflite: damaged" in message
    untroubled = conditions(shadowed(None))
    assert {kind: each for kind, each in conditions(observed).items() if kind != "Shadow"} == untroubled
    assert status_of(observed).phase == status_of(shadowed(None)).phase == "Training"


def test_a_shadow_that_kafka_does_not_let_in_has_its_own_complaint_and_workers_have_theirs() -> None:
    complaint = Complaint("pets-shadow-x", KAFKA_UNUSABLE, "no right")
    state = seen.ContainerState(running={})
    observed = running(pod=some_pod(2, state=state), shadow_log=ShadowLog(complaint=complaint))
    expected = f"pod pets-shadow-x: {KAFKA_UNUSABLE}: no right; {KAFKA_ADVICE}"
    assert condition(observed, "Shadow") == ("False", "KafkaUnusable", expected)
    assert condition(observed, "Serving")[1] == "Serving"


def test_a_topic_of_the_shadow_that_is_not_ready_is_no_matter_of_the_champions() -> None:
    observed = shadowed(topics=some_observed().topics)
    assert condition(observed, "KafkaReady")[1] == "KafkaReady"


def test_what_is_refused_for_the_shadow_is_told_of_the_shadow() -> None:
    observed = running()
    refusals = (
        Refusal("Deployment", "pets-shadow", "denied by a quota"),
        Refusal("KafkaTopic", TOPIC, "no such cluster"),
    )
    status = build_status(observed, plan(observed), refusals)
    found = {each.type: each.status for each in status.conditions}
    assert (found["Shadow"], found["Serving"], found["KafkaReady"]) == ("False", "True", "True")
    assert status.phase == status_of(observed).phase
    others = (Refusal("Deployment", "pets-inference", "denied by a quota"), *refusals)
    found = {each.type: each.status for each in build_status(observed, plan(observed), others).conditions}
    assert (found["Shadow"], found["Serving"]) == ("False", "False")


def test_a_shadow_that_may_not_be_deleted_is_told_though_none_is_asked_for() -> None:
    observed = shadowed(None, shadow_deployment=some_shadow(2))
    refusals = (Refusal("Deployment", "pets-shadow", "cannot delete resource"),)
    status = build_status(observed, plan(observed), refusals)
    [told] = [each for each in status.conditions if each.type == "Shadow"]
    assert "cannot delete resource" in told.message


def test_what_a_shadow_tells_is_in_the_status_until_it_tells_more() -> None:
    observed = running(shadow_log=ShadowLog(some_report(unmatched=3, skipped=4)))
    inference = status_of(observed).inference
    assert inference is not None
    assert inference.shadow == ShadowStatus(
        version=2,
        since=SINCE,
        records=8,
        unmatched=3,
        skipped=4,
        champion_version=1,
        agreement=0.75,
        mean_confidence=0.8,
        champion_mean_confidence=0.9,
    )
    assert shadow_in_status(running(), inference.shadow) == inference.shadow


def test_before_the_first_record_nothing_is_said_of_agreement() -> None:
    nothing = ShadowReport(version=2, since=SINCE)
    told = shadow_in_status(running(shadow_log=ShadowLog(nothing)))
    assert told == ShadowStatus(version=2, since=SINCE)


def test_what_another_version_told_in_the_shadow_is_not_taken_for_this_ones() -> None:
    past = ShadowStatus(version=3, since=SINCE, records=5)
    assert shadow_in_status(running(), past) is None
    assert shadow_in_status(running(shadow_log=ShadowLog(some_report(version=3)))) is None


def shadow_in_status(observed: Observed, former: ShadowStatus | None = None) -> ShadowStatus | None:
    """Return what the status says, where it said something before."""
    status = ModelStatus(versions=VERSIONS, inference=InferenceStatus(1, 1, "", shadow=former))
    model = msgspec.structs.replace(observed.model, status=status)
    inference = status_of(msgspec.structs.replace(observed, model=model)).inference
    assert inference is not None
    return inference.shadow


def test_a_version_that_is_a_shadow_is_not_removed_from_the_claim() -> None:
    model = some_model(
        {"epochs": 9},
        ModelStatus(versions=VERSIONS),
        inference={"shadowVersion": 1},
        storage={"keepVersions": 1},
    )
    [job] = [each for each in plan(some_observed(model)).create if each["kind"] == "Job"]
    assert environment_of(job)["CATDOG_PRUNE_VERSIONS"] == "2"


def test_an_upgrade_with_the_same_image_does_not_restart_a_shadow() -> None:
    made = wanted(shadowed())["Deployment/pets-shadow"]
    older = json.loads(json.dumps(made))
    older["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 7
    there = msgspec.convert(older, seen.Deployment)
    again = wanted(shadowed(shadow_deployment=there))["Deployment/pets-shadow"]
    assert again["spec"]["template"] == older["spec"]["template"]
    image = json.loads(json.dumps(older).replace("catdog-inference:1", "catdog-inference:0"))
    there = msgspec.convert(image, seen.Deployment)
    assert wanted(shadowed(shadow_deployment=there))["Deployment/pets-shadow"] == made


async def test_a_shadow_comes_tells_and_goes_and_then_the_operator_is_at_rest() -> None:
    world = await two_versions()
    world.api.put_model(inference={"modelVersion": 1, "shadowVersion": 2})
    writes, _ = await world.reconcile()
    assert f"apply KafkaTopic {TOPIC}" in writes
    world.act_as_strimzi()
    writes, _ = await world.reconcile()
    assert "apply Deployment pets-shadow" in writes
    add_shadow_pod(world, "pets-shadow-1")
    report = msgspec.to_builtins(some_report())
    world.api.logs = json.dumps({"event": "compared with the champion", "shadow": report})
    world.roll_out("pets-shadow")
    writes, outcome = await world.reconcile()
    assert writes == ["create Event Shadowing", "report pets"]
    assert world.status()["inference"]["shadow"]["agreement"] == 0.75
    assert outcome.look_again == 15
    assert (await world.reconcile())[0] == []
    world.api.put_model(inference={"modelVersion": 1})
    writes, _ = await world.reconcile()
    assert writes[0] == "delete Deployment pets-shadow"
    assert "shadow" not in world.status()["inference"]
    assert ("KafkaTopic", "kafka", TOPIC) in world.api.objects
    world.api.remove("Deployment", "pets-shadow")
    world.act_as_strimzi()
    await world.reconcile()
    writes, outcome = await world.reconcile()
    assert (writes, outcome.look_again) == ([], None)


async def test_a_pod_that_goes_and_never_ends_as_of_a_lost_node_does_not_hide_the_one_in_its_place() -> None:
    world = await two_versions()
    world.api.put_model(inference={"modelVersion": 1, "shadowVersion": 2})
    await world.reconcile()
    world.act_as_strimzi()
    await world.reconcile()
    add_shadow_pod(world, "pets-shadow-0", deletionTimestamp="2026-03-01T12:00:00Z")
    add_shadow_pod(world, "pets-shadow-1")
    for pod, records in (("pets-shadow-0", 5), ("pets-shadow-1", 8)):
        report = msgspec.to_builtins(some_report(records=records))
        world.api.logs_of[pod] = json.dumps({"event": "compared with the champion", "shadow": report})
    await world.reconcile()
    assert world.status()["inference"]["shadow"]["records"] == 8


async def two_versions() -> World:
    """Return a world in which version 1 serves, pinned, and version 2 is on the claim."""
    world = await serving_world()
    status = world.status()
    world.api.remove("Pod", f"{JOB}-1")  # whose result knows of one version
    [one] = status["versions"]
    world.api.set_status("CatDogModel", "pets", status | {"versions": [one | {"version": 2}, one]})
    return world


@pytest.mark.parametrize("ready", [True, False])
async def test_of_what_its_log_complains_is_told_while_it_is_not_ready(*, ready: bool) -> None:
    world = await two_versions()
    world.api.put_model(inference={"modelVersion": 1, "shadowVersion": 2})
    await world.reconcile()
    world.act_as_strimzi()
    await world.reconcile()
    add_shadow_pod(world, "pets-shadow-1", ready=ready)
    world.api.logs = json.dumps({"event": KAFKA_UNUSABLE, "error": "no right"})
    await world.reconcile()
    assert world.reason("Shadow") == ("Shadowing" if ready else "KafkaUnusable")
    assert world.reason("Serving") == "Serving"
    await world.reconcile()
    assert (await world.reconcile())[0] == []
    add_shadow_pod(world, "pets-shadow-1")
    await world.reconcile()  # at once, before its log may be read again
    assert world.reason("Shadow") == "Shadowing"


async def world_beside() -> World:
    """Return a world in which a shadow is asked for, and Strimzi has not seen the user's new rights yet."""
    world = await two_versions()
    world.api.put_model(inference={"modelVersion": 1, "shadowVersion": 2})
    await world.reconcile()
    return world


def topics_ready(world: World) -> None:
    user = world.api.objects["KafkaUser", "kafka", "pets-catdog"]["status"]
    world.act_as_strimzi()
    world.api.set_status("KafkaUser", "pets-catdog", user)


async def test_while_a_shadow_gets_its_rights_kafka_is_ready_for_what_serves_and_the_shadow_waits() -> None:
    world = await world_beside()
    assert world.reason("KafkaReady") == "KafkaReady"
    topics_ready(world)
    writes, _ = await world.reconcile()
    assert (world.reason("KafkaReady"), world.reason("Shadow")) == ("KafkaReady", "UserNotReady")
    assert "apply Deployment pets-shadow" not in writes
    world.act_as_strimzi()
    writes, _ = await world.reconcile()
    assert "apply Deployment pets-shadow" in writes
    world.api.put_model(inference={"modelVersion": 1})
    await world.reconcile()
    assert world.reason("KafkaReady") == "KafkaReady"


async def test_a_shadow_asked_for_again_whose_topic_is_there_waits_for_its_rights_too() -> None:
    world = await world_beside()
    world.act_as_strimzi()
    for shadow in ({}, {"shadowVersion": 2}):
        world.api.put_model(inference={"modelVersion": 1} | shadow)
        world.act_as_strimzi()
        writes, _ = await world.reconcile()
    assert "apply KafkaUser pets-catdog" in writes
    assert "apply Deployment pets-shadow" not in writes
    assert (world.reason("KafkaReady"), world.reason("Shadow")) == ("KafkaReady", "UserNotReady")
    world.act_as_strimzi()
    assert "apply Deployment pets-shadow" in (await world.reconcile())[0]


async def test_rights_that_strimzi_does_not_give_are_told_of_kafka() -> None:
    world = await world_beside()
    generation = world.api.objects["KafkaUser", "kafka", "pets-catdog"]["metadata"]["generation"]
    failed = {"type": "NotReady", "status": "True", "reason": "Failed", "message": "no"}
    status = {"conditions": [failed], "observedGeneration": generation, "secret": "pets-catdog"}
    world.api.set_status("KafkaUser", "pets-catdog", status)
    await world.reconcile()
    assert world.reason("KafkaReady") == "UserNotReady"


@pytest.mark.parametrize(
    "spec",
    [
        {"kafka": {"strimzi": {"name": "my-cluster"}, "consumerGroup": "another"}},
        {"kafka": {"strimzi": {"name": "my-cluster"}, "topics": {"output": {"name": "pets-images-2"}}}},
        {"training": {"dataset": {"kafka": {"topic": "photos"}}}},
    ],
)
async def test_rights_of_what_serves_or_trains_that_change_are_awaited(spec: dict[str, Any]) -> None:
    world = await two_versions()
    world.api.put_model(inference={"modelVersion": 1, "shadowVersion": 2}, **spec)
    for _ in range(3):  # in later looks the status has the new names already
        await world.reconcile()
        topics_ready(world)
    assert world.reason("KafkaReady") == "UserNotReady"


async def test_a_user_that_was_not_ready_before_is_awaited() -> None:
    world = await two_versions()
    user = world.api.objects["KafkaUser", "kafka", "pets-catdog"]["status"]
    world.api.set_status("KafkaUser", "pets-catdog", user | {"secret": None})
    await world.reconcile()
    world.api.put_model(inference={"modelVersion": 1, "shadowVersion": 2})
    world.api.set_status("KafkaUser", "pets-catdog", user)
    await world.reconcile()
    assert world.reason("KafkaReady") == "UserNotReady"


def test_a_change_of_the_shadows_topic_concerns_its_model() -> None:
    topic = Reference("KafkaTopic", "kafka", TOPIC)
    for shadow, concerned in ((2, True), (None, False)):
        model = shadowed(shadow).model
        assert (topic in references(model, resolve(model))) == concerned


def test_a_topic_that_is_another_models_shadows_stays() -> None:
    labels = {"app.kubernetes.io/managed-by": "catdog-operator", "catdog.dev/model": "gone"}
    orphan = some_topic("beside", labels=labels)
    marked = msgspec.structs.replace(
        orphan.metadata, namespace="kafka", annotations={WHEN_DELETED_ANNOTATION: "Delete"}
    )
    orphan = msgspec.structs.replace(orphan, metadata=marked)
    kafka = {"strimzi": {"name": "my-cluster"}, "topics": {"shadow": {"name": "beside"}}}
    assert find_leftovers([orphan], [some_model(kafka=kafka)]) == (orphan,)
    assert find_leftovers([orphan], [some_model(kafka=kafka, inference={"shadowVersion": 2})]) == ()


def add_shadow_pod(world: World, name: str, *, ready: bool = True, **metadata: object) -> None:
    labels = {
        "app.kubernetes.io/managed-by": "catdog-operator",
        "app.kubernetes.io/component": "shadow",
        "catdog.dev/model": PETS.name,
        "catdog.dev/model-version": "2",
    }
    status = {
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": str(ready)}],
        "containerStatuses": [{"state": {"running": {}}}],
    }
    world.add("Pod", name, status, labels=labels, **metadata)
