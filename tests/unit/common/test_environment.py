import msgspec
import pytest

from catdog_common.environment import read_environment


class Config(msgspec.Struct, frozen=True):
    model_name: str
    max_batch_size: int
    start_from: str = "earliest"
    topics: tuple[str, ...] = ()


def test_a_field_is_read_from_the_variable_of_its_name() -> None:
    config = read_environment(
        Config, {"CATDOG_MODEL_NAME": "pets", "CATDOG_MAX_BATCH_SIZE": "32", "HOME": "/"}
    )
    assert config == Config(model_name="pets", max_batch_size=32, start_from="earliest")


def test_a_missing_variable_is_named() -> None:
    with pytest.raises(ValueError, match="the environment has no CATDOG_MAX_BATCH_SIZE"):
        read_environment(Config, {"CATDOG_MODEL_NAME": "pets"})


def test_a_value_of_another_type_is_named() -> None:
    with pytest.raises(ValueError, match="max_batch_size"):
        read_environment(Config, {"CATDOG_MODEL_NAME": "pets", "CATDOG_MAX_BATCH_SIZE": "many"})


@pytest.mark.parametrize(
    ("value", "topics"), [("", ()), ("cats", ("cats",)), ("cats, dogs,", ("cats", "dogs"))]
)
def test_a_tuple_is_read_from_values_with_commas_between(value: str, topics: tuple[str, ...]) -> None:
    environment = {"CATDOG_MODEL_NAME": "pets", "CATDOG_MAX_BATCH_SIZE": "32", "CATDOG_TOPICS": value}
    assert read_environment(Config, environment).topics == topics
