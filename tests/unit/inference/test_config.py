import pytest

from catdog_common.environment import read_environment
from catdog_inference.config import Config


def test_the_environment_becomes_typed_settings(environment: dict[str, str]) -> None:
    config = read_environment(Config, environment)
    assert config.model_version == 1
    assert config.max_batch_delay_milliseconds == 1
    assert config.kafka_cluster == "kafka/my-cluster"
    assert str(config.storage) == "/models"


def test_a_missing_name_is_named(environment: dict[str, str]) -> None:
    del environment["CATDOG_INPUT_TOPIC"]
    with pytest.raises(ValueError, match="the environment has no CATDOG_INPUT_TOPIC"):
        read_environment(Config, environment)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CATDOG_MODEL_VERSION", "latest"),
        ("CATDOG_MAX_BATCH_SIZE", "0"),
        ("CATDOG_MAX_BATCH_DELAY_MILLISECONDS", "-1"),
        ("CATDOG_KAFKA_START_FROM", "Earliest"),
        ("CATDOG_HTTP_PORT", "70000"),
    ],
)
def test_a_wrong_value_is_refused_with_its_field(environment: dict[str, str], name: str, value: str) -> None:
    environment[name] = value
    with pytest.raises(ValueError, match=name.removeprefix("CATDOG_").lower()):
        read_environment(Config, environment)
