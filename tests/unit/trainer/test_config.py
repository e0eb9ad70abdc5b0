from pathlib import Path

import pytest

from catdog_common.environment import read_environment
from catdog_trainer.config import Config

ENVIRONMENT = {
    "CATDOG_MODEL_NAME": "pets",
    "CATDOG_TRAINING_HASH": "0123456789",
    "CATDOG_STORAGE_DIR": "/models",
    "CATDOG_DATASET": "directory",
    "CATDOG_DATASET_DIR": "/data/pets",
    "CATDOG_ARCHITECTURE": "efficientnet-lite0",
    "CATDOG_EPOCHS": "20",
    "CATDOG_BATCH_SIZE": "32",
    "CATDOG_LEARNING_RATE": "0.001",
    "CATDOG_SEED": "42",
}


def test_the_environment_becomes_a_typed_configuration() -> None:
    config = read_environment(Config, {**ENVIRONMENT, "PATH": "/bin"})
    assert (config.epochs, config.learning_rate, config.dataset_dir) == (20, 0.001, "/data/pets")
    assert config.work_dir == Path("/models/pets/work/0123456789")


def test_what_the_operator_says_of_other_versions_is_optional() -> None:
    config = read_environment(Config, ENVIRONMENT)
    assert (config.champion_version, config.pruned) == (None, ())
    said = {"CATDOG_CHAMPION_VERSION": "3", "CATDOG_PRUNE_VERSIONS": "1,12"}
    config = read_environment(Config, ENVIRONMENT | said)
    assert (config.champion_version, config.pruned) == (3, (1, 12))
    assert read_environment(Config, ENVIRONMENT | {"CATDOG_PRUNE_VERSIONS": ""}).pruned == ()


def test_what_is_trained_from_scratch_is_not_fine_tuned() -> None:
    assert read_environment(Config, ENVIRONMENT | {"CATDOG_FINE_TUNE": "true"}).fine_tune
    with pytest.raises(ValueError, match="cnn is trained from scratch: CATDOG_FINE_TUNE is not for it"):
        read_environment(Config, ENVIRONMENT | {"CATDOG_FINE_TUNE": "true", "CATDOG_ARCHITECTURE": "cnn"})


@pytest.mark.parametrize("name", [name for name in ENVIRONMENT if name != "CATDOG_DATASET_DIR"])
def test_a_missing_name_is_named(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        read_environment(Config, {key: value for key, value in ENVIRONMENT.items() if key != name})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("CATDOG_EPOCHS", "many", "int"),
        ("CATDOG_DATASET", "a heap", "a heap"),
        ("CATDOG_DATASET", "s3", "CATDOG_S3_ENDPOINT, CATDOG_S3_BUCKET and CATDOG_S3_CREDENTIALS_DIR"),
        ("CATDOG_ARCHITECTURE", "resnet", "resnet is none of efficientnet-lite0, efficientnet-lite2, cnn"),
        ("CATDOG_DATASET_DIR", "", "CATDOG_DATASET_DIR"),
        ("CATDOG_CHAMPION_VERSION", "the best", "int"),
        ("CATDOG_DATASET", "kafka", "CATDOG_KAFKA_TOPIC and CATDOG_KAFKA_MAX_IMAGES or CATDOG_KAFKA_OFFSETS"),
        ("CATDOG_KAFKA_OFFSETS", "0:5", "CATDOG_KAFKA_OFFSETS is '0:5', not ranges like 0:5-90,1:0-80"),
        ("CATDOG_PRUNE_VERSIONS", "1,../2", "CATDOG_PRUNE_VERSIONS is '1,../2', not numbers like 1,2"),
    ],
)
def test_a_wrong_value_fails_at_the_start(name: str, value: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_environment(Config, {**ENVIRONMENT, name: value})
