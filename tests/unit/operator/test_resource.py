"""What names a version, and what a resource leaves open."""

import pytest

from catdog_operator.manifests.kafka_topic import build_kafka_topic
from catdog_operator.resolve import resolve
from catdog_operator.resource import MODEL_SHAPING_FIELDS, Training, training_hash
from tests.unit.operator.builders import some_bucket, some_model, some_training_topic


def test_the_hash_of_known_settings_never_changes() -> None:
    """An upgrade that changed one of these would train every model in the world again."""
    photos = {"dataset": {"persistentVolumeClaim": {"claimName": "photos", "path": "data"}}}
    assert resolve(some_model()).hash == "572360246d"
    assert resolve(some_model(photos)).hash == "04b04267b0"
    assert resolve(some_model(photos | {"epochs": 5, "learningRate": 0.01})).hash == "cf620ad6bc"
    assert resolve(some_model(some_bucket())).hash == "6afb614c71"
    assert resolve(some_model(some_training_topic())).hash == "817a280ece"


@pytest.mark.parametrize(
    "setting",
    [
        {"architecture": "efficientnet-lite0"},
        {"epochs": 20},  # set, although it is the default: a later default must not change what was asked for
        {"batchSize": 32},
        {"learningRate": 0.001},
        {"earlyStoppingPatience": 5},
        {"fineTune": True},
        {"fineTune": False},  # as for epochs
        {"augment": True},
        {"augment": False},  # as for epochs
        {"seed": 42},
        {"revision": "2"},
        {"dataset": {"persistentVolumeClaim": {"claimName": "photos"}}},
    ],
)
def test_every_model_shaping_field_that_is_set_is_in_the_hash(setting: dict[str, object]) -> None:
    assert resolve(some_model(setting)).hash != resolve(some_model()).hash


def test_fields_that_do_not_shape_the_model_are_not_in_the_hash() -> None:
    other = some_model(
        {"pod": {"resources": {"limits": {"memory": "9Gi"}}}, "revision": ""},
        inference={"replicas": 5},
        kafka={"strimzi": {"name": "other"}},
    )
    assert resolve(other).hash == resolve(some_model()).hash


def test_a_bucket_and_its_prefix_shape_the_model_and_the_way_to_them_does_not() -> None:
    known = resolve(some_model(some_bucket())).hash
    ways: list[dict[str, object]] = [
        {"endpoint": "http://10.0.0.1:8080"},
        {"region": "eu-1"},
        {"credentialsSecret": {"name": "another"}},
        {"caSecret": {"name": "another", "key": "tls.crt"}},
        {"prefix": "data"},  # the same folder
    ]
    assert {resolve(some_model(some_bucket(**way))).hash for way in ways} == {known}
    others = [{"bucket": "other"}, {"prefix": ""}, {"prefix": "data/2"}]
    assert len({known, *(resolve(some_model(some_bucket(**other))).hash for other in others)}) == 4


def test_numbers_are_parsed_before_they_are_hashed() -> None:
    assert resolve(some_model({"learningRate": 1})).hash == resolve(some_model({"learningRate": 1.0})).hash


def test_every_field_of_a_training_is_in_the_hash_or_known_not_to_be() -> None:
    limits = {"pod", "backoff_limit", "active_deadline_seconds"}
    assert set(Training.__struct_fields__) - set(MODEL_SHAPING_FIELDS) == limits


def test_the_hash_is_ten_hex_digits() -> None:
    assert len(training_hash(some_model().spec.training)) == 10


def test_what_is_left_open_follows_from_name_and_namespace() -> None:
    resolved = resolve(some_model())
    assert resolved.consumer_group == "catdog.kafka.pets"
    assert [topic.name for topic in resolved.topics] == [
        "pets-images",
        "pets-predictions",
        "pets-dead-letters",
    ]
    assert (resolved.claim_name, resolved.claim and resolved.claim.size) == ("pets-models", "5Gi")
    assert resolved.training.image_size == 260
    assert resolve(some_model({"architecture": "efficientnet-lite0"})).training.image_size == 224


def test_what_is_left_open_of_a_training_follows_from_its_architecture() -> None:
    training = resolve(some_model({"architecture": "cnn"})).training
    assert (training.image_size, training.epochs, training.batch_size, training.learning_rate) == (
        200,
        32,
        8,
        0.0001,
    )
    training = resolve(some_model({"architecture": "cnn", "epochs": 5, "batchSize": 16})).training
    assert (training.epochs, training.batch_size, training.learning_rate) == (5, 16, 0.0001)
    training = resolve(some_model({"architecture": "efficientnet-lite0"})).training
    assert (training.epochs, training.batch_size, training.learning_rate) == (20, 32, 0.001)


def test_topics_of_images_have_room_for_headers_and_those_of_answers_are_the_brokers() -> None:
    model = some_model(kafka={"strimzi": {"name": "my-cluster"}, "maxImageBytes": 1_000_000})
    topics = [build_kafka_topic(model, topic, "my-cluster", "kafka") for topic in resolve(model).topics]
    configs = [topic["spec"].get("config") for topic in topics]
    assert configs == [{"max.message.bytes": 1_065_536}, None, {"max.message.bytes": 1_131_072}]
