"""A model that is trained on photos in a topic: its Job, its rights, its network, and what it waits for."""

from typing import Any

import msgspec
import pytest

from catdog_operator.manifests.common import Manifest
from catdog_operator.manifests.kafka_user import build_kafka_user
from catdog_operator.manifests.training_job import Task, build_trainer_environment, job_settings_digest
from catdog_operator.observed import Observed
from catdog_operator.plan import plan
from catdog_operator.resolve import resolve
from catdog_operator.status_fields import ModelStatus, Version
from catdog_operator.views import POD_SETTINGS_ANNOTATION, Condition
from tests.unit.operator.builders import (
    condition,
    some_connection,
    some_job,
    some_model,
    some_observed,
    some_training_topic,
    some_user,
)

GIVEN = {
    "bootstrapServers": "kafka.example:9093",
    "authentication": {"type": "scram-sha-512", "secretName": "my-user"},
    "tls": {"trustedCertificates": [{"secretName": "my-ca", "certificate": "ca.crt"}]},
}
FIRST, SECOND = {"partition": 0, "start": 5, "end": 90}, {"partition": 1, "start": 0, "end": 80}
V1 = Version(version=1, hash="572360246d", accuracy=0.91, photos=940, trained_at="2026-03-01T11:00:00Z")


def on_topic(observed: Observed | None = None, spec: dict[str, Any] | None = None) -> Observed:
    model = some_model(some_training_topic(), **(spec or {}))
    return msgspec.structs.replace(observed or some_observed(), model=model)


def wanted(observed: Observed, kind: str, name: str = "") -> Manifest:
    decision = plan(observed)
    every = (*decision.create, *decision.apply)
    return next(each for each in every if each["kind"] == kind and name in each["metadata"]["name"])


def rules(topic: str) -> list[dict[str, Any]]:
    model = some_model(some_training_topic(topic=topic))
    user = build_kafka_user(model, resolve(model), "my-cluster", "tls")
    found: list[dict[str, Any]] = user["spec"]["authorization"]["acls"]
    return found


def test_the_trainer_mounts_the_secrets_that_a_worker_mounts_read_only() -> None:
    specs: tuple[dict[str, Any], ...] = ({}, {"kafka": GIVEN})
    for spec in specs:
        observed = on_topic(spec=spec)
        trained = some_model(None, ModelStatus(versions=(V1,)), **spec)
        serving = msgspec.structs.replace(observed, model=trained)
        pods = [
            wanted(each, kind)["spec"]["template"]["spec"]
            for each, kind in ((observed, "Job"), (serving, "Deployment"))
        ]
        volumes = [[each for each in pod["volumes"] if each["name"].startswith("kafka-")] for pod in pods]
        assert volumes[0] == volumes[1]
        assert [each["name"] for each in volumes[0]] == ["kafka-ca", "kafka-user"]
        mounts = [each for each in pods[0]["containers"][0]["volumeMounts"] if "kafka" in each["name"]]
        assert [each["readOnly"] for each in mounts] == [True, True]


def test_the_scratch_space_has_room_for_the_photos() -> None:
    pod = wanted(on_topic(), "Job")["spec"]["template"]["spec"]
    assert {"name": "tmp", "emptyDir": {"sizeLimit": "9Gi"}} in pod["volumes"]


def test_the_models_user_may_read_the_topic_and_no_more_than_before_else() -> None:
    plain = build_kafka_user(some_model(), resolve(some_model()), "my-cluster", "tls")
    topic = {"type": "topic", "name": "labelled", "patternType": "literal"}
    added = {"resource": topic, "operations": ["Read"]}
    assert rules("labelled") == [*plain["spec"]["authorization"]["acls"], added]
    assert rules("pets-images") == plain["spec"]["authorization"]["acls"], "workers read it already"


@pytest.mark.parametrize("spec", [{}, {"kafka": GIVEN}])
def test_the_trainer_reaches_what_the_workers_reach(spec: dict[str, Any]) -> None:
    observed = on_topic(spec=spec)
    training, inference = (
        wanted(observed, "NetworkPolicy", name)["spec"] for name in ("training", "inference")
    )
    assert training["egress"] == inference["egress"]


@pytest.mark.parametrize("lacking", [{"kafka": None}, {"user": some_user(Condition("Ready", "False"))}])
def test_no_training_begins_before_kafka_is_ready(lacking: dict[str, Any]) -> None:
    observed = on_topic(some_observed(**lacking))
    assert condition(observed, "Trained")[:2] == ("False", "WaitingForKafka")
    assert not [each for each in plan(observed).create if each["kind"] == "Job"]


def test_another_way_into_kafka_is_another_job_and_none_that_is_known_is_none() -> None:
    """So a training that waits for its next attempt begins at once, and none ends as Kafka goes."""
    training = some_model(some_training_topic()).spec.training
    other = msgspec.structs.replace(some_connection(), bootstrap_servers="other:9093")
    digest = job_settings_digest(training, some_connection())
    assert digest != job_settings_digest(training, other)
    annotations = {POD_SETTINGS_ANNOTATION: digest}
    observed = on_topic()
    job = some_job(observed.model, annotations=annotations)
    there = msgspec.structs.replace(observed, jobs=(job,))
    assert plan(there).delete == (job,), "it was made for kafka:9093"
    assert plan(msgspec.structs.replace(there, kafka=None)).delete == ()


@pytest.mark.parametrize("spec", [{}, {"kafka": GIVEN}])
@pytest.mark.parametrize("lacking", [{"kafka": None}, {"user": some_user(Condition("Ready", "False"))}])
def test_while_kafka_is_not_ready_no_job_is_made_anew(lacking: dict[str, Any], spec: dict[str, Any]) -> None:
    """What is known of the way there may lack a part; an edit of the pod's settings waits as well."""
    observed = on_topic(spec=spec)
    job = some_job(observed.model, annotations={POD_SETTINGS_ANNOTATION: "0123456789"})
    there = msgspec.structs.replace(observed, jobs=(job,))
    assert plan(there).delete == (job,)
    without = msgspec.structs.replace(there, **lacking)
    is_ready = (
        condition(without, "KafkaReady")[0] == "True"
    )  # where Kafka is given, Strimzi's part is of no matter
    assert plan(without).delete == ((job,) if is_ready else ())


def test_topic_and_number_shape_the_model() -> None:
    edits: tuple[dict[str, object], ...] = (
        {},
        {"topic": "other"},
        {"maxImages": 7},
        {"offsets": [FIRST]},
        {"offsets": [FIRST, SECOND]},
    )
    assert len({resolve(some_model(some_training_topic(**edit))).hash for edit in edits}) == len(edits)
    assert resolve(on_topic(spec={"kafka": GIVEN}).model).hash == resolve(on_topic().model).hash


def test_settings_without_offsets_are_named_as_they_were_before_there_were_any() -> None:
    assert resolve(on_topic().model).hash == "817a280ece"
    assert resolve(some_model(some_training_topic(maxImages=7))).hash == "efdd4d783b"


def test_in_which_order_partitions_are_named_says_nothing_of_the_model() -> None:
    models = [some_model(some_training_topic(offsets=each)) for each in ([FIRST, SECOND], [SECOND, FIRST])]
    assert len({resolve(model).hash for model in models}) == 1
    environments = [build_trainer_environment(model, resolve(model), Task()) for model in models]
    assert environments[0] == environments[1]
    assert environments[0]["CATDOG_KAFKA_OFFSETS"] == "0:5-90,1:0-80"
    assert "CATDOG_KAFKA_MAX_IMAGES" not in environments[0]
