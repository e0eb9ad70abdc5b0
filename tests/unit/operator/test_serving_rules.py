"""Which version serves, what it needs of Kafka, and when a model is Ready."""

from typing import Any

import msgspec
import pytest

from catdog_operator.observed import Observed
from catdog_operator.plan import plan
from catdog_operator.resolve import resolve
from catdog_operator.resource import short_digest
from catdog_operator.status_fields import InferenceStatus, KafkaStatus, ModelStatus, Version
from catdog_operator.strimzi_views import TopicSpec
from catdog_operator.views import APPLIED_ANNOTATION, Condition, Deployment, Terminated, Waiting
from tests.unit.operator.builders import (
    TOPICS,
    condition,
    environment_of,
    later,
    some_claim,
    some_deployment,
    some_job,
    some_kafka,
    some_model,
    some_observed,
    some_topic,
    some_user,
    some_worker,
    status_of,
    wanted_names,
)

V1 = Version(version=1, hash="572360246d", accuracy=0.91, photos=940, trained_at="2026-03-01T11:00:00Z")
V2 = Version(version=2, hash="0123456789", accuracy=0.92, photos=940, trained_at="2026-03-01T11:30:00Z")
TRAINED = ModelStatus(versions=(V1,))
# Where partitions can be raised, by whose topic it is.
OURS, THEIRS = "spec.kafka.topics.input.partitions", "that topic's partitions"


def test_a_trained_version_is_served_when_kafka_is_ready() -> None:
    decision = plan(some_observed(some_model(status=TRAINED)))
    assert decision.serving.wanted is not None
    assert environment_of(decision.serving.wanted)["CATDOG_MODEL_VERSION"] == "1"


def test_a_model_is_ready_when_its_version_serves_with_all_replicas_ready() -> None:
    observed = some_observed(
        some_model(status=TRAINED, inference={"replicas": 2}),
        deployment=some_deployment(1, replicas=2),
        inference_pods=(some_worker(1), some_worker(1)),
    )
    assert condition(observed, "Ready") == ("True", "Serving", "version 1 serves with all 2 replicas ready")
    status = status_of(observed)
    assert status.phase == "Serving"
    assert status.inference is not None
    assert (status.inference.served_version, status.inference.accuracy) == (1, 0.91)


def serving_with(replicas: int, partitions: int | None, labels: dict[str, str] | None = None) -> Observed:
    """Return a model of which all replicas are ready, and whose input topic has so many partitions."""
    images = msgspec.structs.replace(some_topic("pets-images", labels=labels), spec=TopicSpec(partitions))
    return some_observed(
        some_model(status=TRAINED, inference={"replicas": replicas}),
        topics={name: some_topic(name) for name in TOPICS} | {"pets-images": images},
        deployment=some_deployment(1, replicas=replicas),
        inference_pods=tuple(some_worker(1) for _ in range(replicas)),
    )


@pytest.mark.parametrize(
    ("replicas", "partitions", "labels", "idle", "raised"),
    [
        (2, 1, None, "1 stays idle, as KafkaTopic pets-images has 1 partition", OURS),
        (8, 6, {"team": "photos"}, "2 stay idle, as KafkaTopic pets-images has 6 partitions", THEIRS),
    ],
    ids=["of a topic of ours", "of a topic of another's"],
)
def test_workers_without_a_partition_are_told_and_the_model_is_ready_all_the_same(
    replicas: int, partitions: int, labels: dict[str, str] | None, idle: str, raised: str
) -> None:
    observed = serving_with(replicas, partitions, labels)
    told = (
        f"version 1 serves with all {replicas} replicas ready, but {idle}; "
        f"lower spec.inference.replicas to {partitions}, or raise {raised} to {replicas}"
    )
    for kind in ("Serving", "Ready"):
        assert condition(observed, kind) == ("True", "MoreReplicasThanPartitions", told)
    assert status_of(observed).phase == "Serving"


@pytest.mark.parametrize("partitions", [2, 3, None])
def test_nothing_is_said_where_each_worker_has_a_partition_or_partitions_are_not_known(
    partitions: int | None,
) -> None:
    assert condition(serving_with(2, partitions), "Serving")[:2] == ("True", "Serving")
    given = {"kafka": {"bootstrapServers": "kafka:9092", "authentication": {"type": "none"}}}
    elsewhere = some_observed(
        some_model(status=TRAINED, inference={"replicas": 9}, **given),
        topics={},
        deployment=some_deployment(1, replicas=9),
    )
    assert condition(elsewhere, "Serving")[:2] == ("True", "Serving")


def test_a_model_is_ready_at_zero_replicas_and_says_that_it_is_scaled_to_zero() -> None:
    model = some_model(status=TRAINED, inference={"replicas": 0})
    observed = some_observed(model, deployment=some_deployment(1, replicas=0))
    message = "version 1 serves when spec.inference.replicas is more than 0"
    assert condition(observed, "Ready") == ("True", "ScaledToZero", message)
    assert condition(observed, "Serving") == ("False", "ScaledToZero", message)


def test_a_model_is_not_ready_while_a_replica_is_missing_or_the_deployment_lags() -> None:
    model = some_model(status=TRAINED, inference={"replicas": 2})
    for deployment in (
        some_deployment(1, replicas=2, ready=1),
        some_deployment(1, replicas=1),
        some_deployment(1, replicas=2, observed_generation=0),
        some_deployment(1, replicas=2, updated_replicas=1),
    ):
        observed = some_observed(model, deployment=deployment, inference_pods=(some_worker(1),))
        assert condition(observed, "Ready")[:2] == ("False", "RollingOut")
        assert status_of(observed).phase == "RollingOut"


def test_what_serves_goes_on_while_the_next_version_trains() -> None:
    model = some_model({"epochs": 30}, status=TRAINED)
    observed = some_observed(
        model, jobs=(some_job(model),), deployment=some_deployment(1), inference_pods=(some_worker(1),)
    )
    assert plan(observed).wanted_version == 1
    assert condition(observed, "Ready")[0] == "True"
    assert status_of(observed).phase == "Training"


def test_the_old_version_is_the_served_one_until_the_new_one_is_ready() -> None:
    inference = InferenceStatus(replicas=1, ready_replicas=1, selector="", served_version=1)
    model = some_model({"epochs": 30})
    new = Version(version=2, hash=resolve(model).hash, accuracy=0.92, photos=940, trained_at="")
    status = ModelStatus(versions=(new, V1), inference=inference)
    observed = some_observed(
        some_model({"epochs": 30}, status=status),
        deployment=some_deployment(2, ready=1, replicas=1, updated_replicas=0),
        inference_pods=(some_worker(1), some_worker(2, Waiting("ContainerCreating"))),
    )
    reported = status_of(observed).inference
    assert reported is not None
    assert (reported.served_version, reported.accuracy) == (1, 0.91)
    assert condition(observed, "Ready") == (
        "False",
        "RollingOut",
        "version 2 is being rolled out; 1 pod answers meanwhile",
    )


def test_an_edit_back_to_known_settings_serves_their_version_and_trains_nothing() -> None:
    model = some_model(status=ModelStatus(versions=(V2, V1)))
    decision = plan(some_observed(model, deployment=some_deployment(2)))
    assert decision.wanted_version == 1
    assert decision.training.create is None


def test_a_status_that_was_lost_leaves_what_serves_until_the_claim_has_told_its_versions() -> None:
    decision = plan(some_observed(some_model(), deployment=some_deployment(4)))
    assert decision.wanted_version == 4
    assert decision.training.create is not None


def test_the_newest_version_serves_where_there_is_no_other_hint() -> None:
    model = some_model({"epochs": 30}, status=ModelStatus(versions=(V2, V1)))
    assert plan(some_observed(model)).wanted_version == 2


def test_a_kafka_that_does_not_exist_is_told_and_gets_no_topics() -> None:
    observed = some_observed(some_model(status=TRAINED), kafka=None, topics={}, user=None)
    told = (
        "False",
        "KafkaNotFound",
        "Kafka my-cluster is not in namespace kafka; create it or name another in spec.kafka.strimzi.name",
    )
    assert condition(observed, "KafkaReady") == told
    assert condition(observed, "Ready") == told
    assert wanted_names(plan(observed)) == ["NetworkPolicy/pets-training"]


def test_where_strimzi_is_not_installed_that_is_told() -> None:
    observed = some_observed(strimzi_installed=False, kafka=None)
    assert condition(observed, "KafkaReady") == (
        "False",
        "StrimziNotInstalled",
        "the cluster has no kafka.strimzi.io/v1; install Strimzi 1.0 or newer",
    )


def test_a_listener_that_does_not_exist_is_told_with_those_that_do() -> None:
    observed = some_observed(kafka=some_kafka(plain="a:9092", external="b:9094"))
    assert condition(observed, "KafkaReady") == (
        "False",
        "ListenerNotFound",
        "Kafka my-cluster has no listener tls; name one of external, plain in spec.kafka.strimzi.listener",
    )


def test_workers_wait_for_topics_and_what_strimzi_says_of_them_is_told() -> None:
    failed = Condition("Ready", "False", "KafkaError", "Unable to replicate the partition 3 time(s)")
    topics = {
        name: some_topic(name, failed) for name in ("pets-images", "pets-predictions", "pets-dead-letters")
    }
    observed = some_observed(some_model(status=TRAINED), topics=topics)
    assert condition(observed, "KafkaReady") == (
        "False",
        "TopicNotReady",
        "KafkaTopic pets-images is not ready: KafkaError: Unable to replicate the partition 3 time(s)",
    )
    assert plan(observed).serving.wanted is None


def test_workers_wait_for_their_user() -> None:
    failed = Condition("NotReady", "True", "ExecutionException", "too long a name")
    observed = some_observed(some_model(status=TRAINED), user=some_user(failed))
    assert condition(observed, "KafkaReady") == (
        "False",
        "UserNotReady",
        "KafkaUser pets-catdog is not ready: ExecutionException: too long a name",
    )
    assert plan(observed).serving.wanted is None


def test_a_topic_that_is_not_ours_is_used_as_it_is() -> None:
    topics = {
        "pets-images": some_topic("pets-images", labels={"team": "photos"}),
        "pets-predictions": some_topic("pets-predictions"),
    }
    names = wanted_names(plan(some_observed(topics=topics)))
    assert "KafkaTopic/pets-images" not in names
    assert {"KafkaTopic/pets-predictions", "KafkaTopic/pets-dead-letters"} <= set(names)


def test_what_serves_can_be_scaled_while_kafka_is_away() -> None:
    known = KafkaStatus(
        consumer_group="g",
        input_topic="",
        output_topic="",
        dead_letter_topic="",
        bootstrap_servers="kafka:9093",
        secret_name="pets-catdog",  # noqa: S106 - a name
    )
    model = some_model(status=ModelStatus(versions=(V1,), kafka=known), inference={"replicas": 3})
    observed = some_observed(
        model, kafka=None, deployment=some_deployment(1), inference_pods=(some_worker(1),)
    )
    wanted = plan(observed).serving.wanted
    assert wanted is not None
    assert wanted["spec"]["replicas"] == 3
    assert environment_of(wanted)["CATDOG_KAFKA_BOOTSTRAP_SERVERS"] == "kafka:9093"


def test_a_crash_loop_of_workers_is_told_with_their_last_words() -> None:
    pod = some_worker(1, Waiting("CrashLoopBackOff"), Terminated(1, "Error", "a\nthe model is damaged\n"))
    observed = some_observed(
        some_model(status=TRAINED), deployment=some_deployment(1, ready=0), inference_pods=(pod,)
    )
    assert condition(observed, "Ready") == (
        "False",
        "CrashLoopBackOff",
        "pod pets-inference-1 ends again and again, with exit code 1: a | the model is damaged",
    )


def test_a_failed_training_degrades_a_model_that_serves() -> None:
    model = some_model({"epochs": 30}, status=TRAINED)
    observed = some_observed(
        model,
        jobs=(some_job(model, "Failed"),),
        deployment=some_deployment(1),
        inference_pods=(some_worker(1),),
        now=later(5),
    )
    assert status_of(observed).phase == "Degraded"
    assert condition(observed, "Ready")[0] == "True"


def test_a_condition_keeps_its_time_as_long_as_its_status_stays() -> None:
    first = status_of(some_observed(some_model(status=TRAINED), kafka=None))
    model = some_model(status=first)
    second = status_of(some_observed(model, kafka=some_kafka(plain="a:9092"), now=later(60)))
    times = {each.type: each.last_transition_time for each in second.conditions}
    assert times["KafkaReady"] == first.conditions[2].last_transition_time
    third = status_of(some_observed(some_model(status=second), now=later(120)))
    assert {each.type: each.last_transition_time for each in third.conditions}["KafkaReady"] == later(120)


def upgraded(rollouts_elsewhere: int, image: str = "catdog-inference:0") -> Observed:
    """Return a model that serves with pods of another form than the operator makes now."""
    status = ModelStatus(observed_generation=3, versions=(V1,), inference=InferenceStatus(1, 1, "", 1))
    return some_observed(
        some_model(status=status),
        deployment=with_image(some_deployment(1), image),
        inference_pods=(some_worker(1),),
        rollouts_elsewhere=rollouts_elsewhere,
    )


def template(observed: Observed) -> dict[str, Any]:
    """Return the pods' template that is wanted."""
    wanted = plan(observed).serving.wanted
    assert wanted is not None
    found: dict[str, Any] = wanted["spec"]["template"]
    return found


def with_image(deployment: Deployment, image: str) -> Deployment:
    """Return the Deployment with this image of its workers."""
    template = deployment.spec.template | {"spec": {"containers": [{"image": image}]}}
    return msgspec.structs.replace(
        deployment, spec=msgspec.structs.replace(deployment.spec, template=template)
    )


def test_after_an_upgrade_models_roll_a_few_at_a_time() -> None:
    assert template(upgraded(rollouts_elsewhere=1))["spec"]["containers"][0]["image"] == "catdog-inference:1"
    waiting = upgraded(rollouts_elsewhere=2)
    assert template(waiting) == waiting.deployment.spec.template  # type: ignore[union-attr]
    assert plan(waiting).look_again == 15
    assert condition(waiting, "Ready")[:2] == ("True", "Serving")


def test_pods_of_the_present_image_are_not_replaced_for_an_upgrade_alone() -> None:
    observed = upgraded(rollouts_elsewhere=0, image="catdog-inference:1")
    assert template(observed) == observed.deployment.spec.template  # type: ignore[union-attr]
    assert plan(observed).look_again is None


def test_pods_that_stay_through_an_upgrade_can_be_scaled() -> None:
    observed = upgraded(rollouts_elsewhere=0, image="catdog-inference:1")
    chosen, deployment = plan(observed).serving.wanted, observed.deployment
    assert chosen is not None
    assert deployment is not None
    inference = msgspec.structs.replace(observed.model.spec.inference, replicas=3)
    spec = msgspec.structs.replace(observed.model.spec, inference=inference)
    model = msgspec.structs.replace(observed.model, spec=spec)
    metadata = msgspec.structs.replace(deployment.metadata, annotations=chosen["metadata"]["annotations"])
    deployment = msgspec.structs.replace(deployment, metadata=metadata)
    wanted = plan(msgspec.structs.replace(observed, model=model, deployment=deployment)).serving.wanted
    assert wanted is not None
    assert wanted["spec"]["replicas"] == 3
    assert wanted["spec"]["template"] == deployment.spec.template


def test_what_somebody_else_has_changed_is_put_right_at_once() -> None:
    observed = upgraded(rollouts_elsewhere=9)
    wanted = plan(msgspec.structs.replace(observed, rollouts_elsewhere=0)).serving.wanted
    assert wanted is not None
    assert observed.deployment is not None
    annotations = {APPLIED_ANNOTATION: short_digest(wanted)}
    metadata = msgspec.structs.replace(observed.deployment.metadata, annotations=annotations)
    deployment = msgspec.structs.replace(observed.deployment, metadata=metadata)
    assert plan(msgspec.structs.replace(observed, deployment=deployment)).serving.wanted == wanted


def test_an_edit_never_waits_for_other_models_rollouts() -> None:
    waiting = upgraded(rollouts_elsewhere=9)
    edited = msgspec.structs.replace(waiting.model.metadata, generation=4)
    observed = msgspec.structs.replace(waiting, model=msgspec.structs.replace(waiting.model, metadata=edited))
    assert template(observed)["spec"]["containers"][0]["image"] == "catdog-inference:1"


def test_a_rollback_never_waits_for_other_models_rollouts() -> None:
    two = msgspec.structs.replace(V1, version=2, hash="0000000000")
    waiting = upgraded(rollouts_elsewhere=9)
    status = msgspec.structs.replace(waiting.model.status, versions=(two, V1))
    model = msgspec.structs.replace(waiting.model, status=status)
    rolled = msgspec.structs.replace(waiting, model=model, deployment=some_deployment(2))
    assert template(rolled)["spec"]["containers"][0]["image"] == "catdog-inference:1"


def test_a_claim_of_one_node_says_what_would_let_several_workers_spread() -> None:
    several = some_model(inference={"replicas": 2})
    assert condition(some_observed(several), "StorageReady")[2] == (
        "PersistentVolumeClaim pets-models is bound by one node, where all pods of the model run; "
        "a claim with ReadWriteMany would let them spread"
    )
    shared = some_claim("pets-models", mode="ReadWriteMany")
    assert condition(some_observed(several, claim=shared), "StorageReady")[2] == (
        "PersistentVolumeClaim pets-models is bound"
    )


def test_the_old_version_counts_as_served_until_the_rollout_is_complete() -> None:
    two = msgspec.structs.replace(V1, version=2, hash="0000000000")
    status = ModelStatus(versions=(two, V1), inference=InferenceStatus(2, 2, "", 1))
    observed = some_observed(
        some_model(status=status, inference={"replicas": 2, "modelVersion": 2}),
        deployment=some_deployment(2, replicas=2, updated_replicas=1, ready=2),
        inference_pods=(some_worker(1), some_worker(2)),
    )
    inference = status_of(observed).inference
    assert inference is not None
    assert inference.served_version == 1
    assert [change.version for change in status_of(observed).history] == [1]
