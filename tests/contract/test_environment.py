"""What the operator writes into a pod's environment is what the program in it reads."""

from pathlib import Path

import pytest

from catdog_common.artifact import PartitionOffsets
from catdog_common.environment import read_environment
from catdog_inference.config import Config as WorkerConfig
from catdog_operator.manifests.deployment import build_worker_environment
from catdog_operator.manifests.training_job import S3_CREDENTIALS, Task, build_trainer_environment
from catdog_operator.resolve import resolve
from catdog_trainer.config import Config as TrainerConfig
from catdog_trainer.data.bucket_errors import KEY_FILES
from tests.unit.operator.builders import some_connection, some_model, some_training_topic

FROM_TOPIC = some_training_topic(maxImages=5)
FROM_OFFSETS = some_training_topic(
    offsets=[{"partition": 1, "start": 0, "end": 80}, {"partition": 0, "start": 5, "end": 90}]
)
FROM_S3 = {
    "dataset": {
        "s3": {
            "endpoint": "https://rgw.example",
            "bucket": "photos",
            "prefix": "data/",
            "region": "eu-1",
            "credentialsSecret": {"name": "photos-s3"},
            "caSecret": {"name": "rgw-ca", "key": "ca.crt"},
        }
    }
}
FROM_CLAIM = {"dataset": {"persistentVolumeClaim": {"claimName": "photos", "path": "data"}}}


@pytest.mark.parametrize(
    "training",
    [
        {},
        FROM_CLAIM,
        FROM_CLAIM
        | {
            "architecture": "efficientnet-lite0",
            "learningRate": 1e-05,
            "epochs": 1,
            "earlyStoppingPatience": 3,
            "fineTune": True,
            "augment": True,
        },
    ],
)
def test_the_trainer_reads_what_the_operator_writes(training: dict[str, object]) -> None:
    model = some_model(training)
    resolved = resolve(model)
    config = read_environment(TrainerConfig, build_trainer_environment(model, resolved, Task()))
    assert config.training_hash == resolved.hash
    assert (config.architecture, config.epochs) == (resolved.training.architecture, resolved.training.epochs)
    assert config.learning_rate == resolved.training.learning_rate
    assert config.fine_tune == training.get("fineTune", False)
    assert config.augment == training.get("augment", False)
    assert config.dataset_dir == ("/data/data" if training else None)


def test_the_worker_reads_what_the_operator_writes() -> None:
    model = some_model()
    environment = build_worker_environment(model, resolve(model), 3, some_connection())
    config = read_environment(WorkerConfig, environment)
    assert config.model_version == 3
    assert config.kafka_start_from == "earliest"
    assert config.input_topic == "pets-images"


def test_the_trainer_reads_where_the_bucket_is_and_where_its_secrets_are_mounted() -> None:
    model = some_model(FROM_S3)
    address = read_environment(TrainerConfig, build_trainer_environment(model, resolve(model), Task())).bucket
    assert (address.endpoint, address.name, address.region) == ("https://rgw.example", "photos", "eu-1")
    assert address.credentials_dir == Path("/var/run/catdog/s3-credentials")
    assert address.ca_file == Path("/var/run/catdog/s3-ca/ca.crt")
    assert S3_CREDENTIALS == KEY_FILES


def test_the_trainer_is_let_into_kafka_as_the_worker_is() -> None:
    model, connection = some_model(FROM_TOPIC), some_connection()
    environment = build_trainer_environment(model, resolve(model), Task(), connection)
    topic = read_environment(TrainerConfig, environment).topic
    worker = build_worker_environment(model, resolve(model), 3, connection)
    assert topic.login() == read_environment(WorkerConfig, worker).kafka_login()
    assert topic.login().security.user_dir == Path("/etc/catdog/kafka-user")
    assert (topic.name, topic.max_images) == ("labelled", 5)
    by_default = some_model(some_training_topic())
    environment = build_trainer_environment(by_default, resolve(by_default), Task(), connection)
    assert read_environment(TrainerConfig, environment).topic.max_images == 20_000
    assert read_environment(TrainerConfig, environment).topic.offsets == ()


def test_the_trainer_is_told_which_records_to_read() -> None:
    model = some_model(FROM_OFFSETS)
    environment = build_trainer_environment(model, resolve(model), Task(), some_connection())
    offsets = read_environment(TrainerConfig, environment).topic.offsets
    assert offsets == (PartitionOffsets(0, 5, 90), PartitionOffsets(1, 0, 80))


@pytest.mark.parametrize("training", [FROM_CLAIM, FROM_S3, FROM_TOPIC, FROM_OFFSETS])
def test_the_operator_writes_nothing_that_the_trainer_does_not_know(training: dict[str, object]) -> None:
    model = some_model(training)
    environment = build_trainer_environment(model, resolve(model), Task(), some_connection())
    assert set(environment) <= {f"CATDOG_{name.upper()}" for name in TrainerConfig.__struct_fields__}


def test_image_sizes_are_the_trainers() -> None:
    from catdog_trainer.architectures import ARCHITECTURES

    for name in ARCHITECTURES:
        size = ARCHITECTURES[name].image_size
        assert resolve(some_model({"architecture": name})).training.image_size == size
