"""What the operator gives a worker is what it asks for: environment, limits of topics, time to drain."""

from typing import Any

import msgspec
import pytest

from catdog_client import size_limit
from catdog_common.environment import read_environment
from catdog_inference.__main__ import DRAIN_SECONDS, new_shadow
from catdog_inference.config import Config
from catdog_inference.kafka import DEAD_LETTER_OVERHEAD_BYTES
from catdog_inference.publisher import STOP_SECONDS
from catdog_operator.manifests import deployment, pod
from catdog_operator.manifests.deployment import build_worker_environment
from catdog_operator.manifests.shadow_deployment import build_shadow_environment
from catdog_operator.plan.kafka import MECHANISMS
from catdog_operator.resolve import resolve
from tests.unit.operator.builders import some_connection, some_model


def some_environment(**login: Any) -> dict[str, str]:  # noqa: ANN401 - fields of a Connection
    model, connection = some_model(), msgspec.structs.replace(some_connection(), **login)
    return build_worker_environment(model, resolve(model), 3, connection)


def some_shadows_environment() -> dict[str, str]:
    model = some_model(inference={"shadowVersion": 4})
    resolved = resolve(model)
    assert resolved.shadow is not None
    return build_shadow_environment(model, resolved, 4, resolved.shadow, some_connection())


def test_a_worker_that_gets_a_shadows_environment_is_one() -> None:
    config = read_environment(Config, some_shadows_environment())
    metrics, shadow = new_shadow(config)
    assert (config.model_version, config.champion_topic) == (4, "pets-predictions")
    assert (config.output_topic, config.kafka_start_from) == ("pets-predictions-shadow", "latest")
    assert config.kafka_consumer_group == "catdog.kafka.pets.shadow"
    assert (shadow is not None, metrics.prefix) == (True, "catdog_shadow")
    _, none = new_shadow(read_environment(Config, some_environment()))
    assert none is None


def test_the_worker_accepts_the_environment_that_the_operator_writes() -> None:
    config = read_environment(Config, some_environment())
    assert (config.model_version, config.kafka_bootstrap_servers) == (3, "kafka:9093")
    assert config.http_port == pod.HTTP_PORT


def test_the_operator_writes_nothing_that_the_worker_does_not_read() -> None:
    read = {f"CATDOG_{name.upper()}" for name in Config.__struct_fields__}
    login = {"mechanism": "SCRAM-SHA-512", "username": "pets"}
    by_password, by_binding = some_environment(**login), some_environment(is_binding=True)
    written = (some_environment(), by_password, by_binding, some_shadows_environment())
    assert {name for environment in written for name in environment} == read
    assert by_password.keys() - some_environment().keys() == {
        "CATDOG_KAFKA_SASL_MECHANISM",
        "CATDOG_KAFKA_USERNAME",
    }


@pytest.mark.parametrize("login", MECHANISMS)
def test_the_worker_knows_each_mechanism_that_the_operator_names(login: str) -> None:
    config = read_environment(Config, some_environment(mechanism=MECHANISMS[login], username="pets"))
    assert config.kafka_login().security.protocol == "SASL_SSL"


def test_the_topic_of_dead_letters_has_room_for_what_the_worker_writes() -> None:
    model = some_model()
    room = resolve(model).dead_letters.max_message_bytes
    assert room == model.spec.kafka.max_image_bytes + DEAD_LETTER_OVERHEAD_BYTES


def test_the_client_knows_what_a_topic_allows_beside_the_image_and_how_large_it_may_be_by_default() -> None:
    model = some_model()
    room = resolve(model).input.max_message_bytes
    assert room == model.spec.kafka.max_image_bytes + size_limit.RECORD_OVERHEAD_BYTES
    assert model.spec.kafka.max_image_bytes == size_limit.DEFAULT_IMAGE_BYTES


def test_a_worker_has_time_to_drain_and_to_leave_before_it_is_killed() -> None:
    assert DRAIN_SECONDS + 2 * STOP_SECONDS < deployment.DRAIN_SECONDS
