"""Where a command finds Kafka: what was typed, what the model says, what the environment says."""

from pathlib import Path
from typing import Any

import click
import pytest

from catdog_client.config import AnswersConfig, Config, KafkaConfig
from catdog_client.errors import ClientError
from catdog_client.model_kafka import Given, ModelKafka, choose, read_model_kafka

STATUS = {
    "bootstrapServers": "my-cluster-kafka-bootstrap.kafka.svc:9093",
    "consumerGroup": "catdog.kafka.pets",
    "inputTopic": "pets-images",
    "outputTopic": "pets-predictions",
    "deadLetterTopic": "pets-dead-letters",
    "secretName": "pets",
    "securityProtocol": "SSL",
}
FILES: dict[str, Any] = {"kafka_ca_dir": Path("/ca"), "kafka_user_dir": Path("/user")}


def some_model(**status: Any) -> ModelKafka:  # noqa: ANN401 - whatever the fields are
    """Return what a model says; what is None is not there."""
    said = {name: value for name, value in (STATUS | status).items() if value is not None}
    body = {"metadata": {"name": "pets"}, "spec": {"kafka": {"maxImageBytes": 5}}, "status": {"kafka": said}}
    return read_model_kafka(body)


def chosen(
    model: ModelKafka | None,
    settings: type[KafkaConfig] = Config,
    typed: str = "",
    **values: Any,  # noqa: ANN401 - whatever the options are
) -> Any:  # noqa: ANN401 - the settings
    given = {name: Given(values.get(name), name == typed) for name in settings.__struct_fields__}
    return choose(given, settings, model)


def refusal(model: ModelKafka | None, **values: Any) -> str:  # noqa: ANN401 - whatever the options are
    with pytest.raises(click.UsageError) as refused:
        chosen(model, **values)
    return str(refused.value)


def test_a_model_and_the_files_are_enough() -> None:
    config = chosen(some_model(), **FILES)
    assert config == Config(
        kafka_bootstrap_servers="my-cluster-kafka-bootstrap.kafka.svc:9093",
        input_topic="pets-images",
        output_topic="pets-predictions",
        dead_letter_topic="pets-dead-letters",
        max_image_bytes=5,
        **FILES,
    )
    assert config.login.security.protocol == "SSL"


def test_without_a_model_options_and_variables_say_all() -> None:
    values: dict[str, Any] = {
        "kafka_bootstrap_servers": "b:1",
        "output_topic": "out",
        "dead_letter_topic": "dead",
    } | FILES
    config = chosen(None, AnswersConfig, **values)
    assert (config.kafka_bootstrap_servers, config.output_topic) == ("b:1", "out")


def test_a_variable_says_where_kafka_is_from_here_but_not_whose_topics_are_meant() -> None:
    config = chosen(some_model(), kafka_bootstrap_servers="outside:9094", output_topic="others", **FILES)
    assert (config.kafka_bootstrap_servers, config.output_topic) == ("outside:9094", "pets-predictions")


def test_what_was_typed_counts_before_the_model() -> None:
    config = chosen(some_model(), typed="output_topic", output_topic="others", **FILES)
    assert config.output_topic == "others"


def test_a_missing_file_is_told_with_what_it_is() -> None:
    assert refusal(some_model()) == (
        "--kafka-ca-dir is missing: give it before the command, or set CATDOG_KAFKA_CA_DIR: a folder with "
        "the certificates to trust, *.crt (Strimzi has them in the Secret <cluster>-cluster-ca-cert)"
    )
    assert "user.crt and user.key, or password" in refusal(some_model(), kafka_ca_dir=Path("/ca"))


def test_a_listener_that_asks_for_nothing_is_given_nothing() -> None:
    plain = some_model(secretName=None, securityProtocol="PLAINTEXT")
    assert chosen(plain).login.security.protocol == "PLAINTEXT"
    assert chosen(plain, **FILES).login.security.protocol == "PLAINTEXT", "variables of another cluster"
    assert "--kafka-ca-dir is missing" in refusal(plain, kafka_bootstrap_servers="outside:9094")


@pytest.mark.parametrize(("secret", "protocol"), [(None, "PLAINTEXT"), (None, "SSL"), ("pets", "SSL")])
def test_a_listener_that_asks_for_no_password_is_told_none(secret: str | None, protocol: str) -> None:
    model = some_model(secretName=secret, securityProtocol=protocol)
    password: dict[str, Any] = {"kafka_sasl_mechanism": "PLAIN", "kafka_username": "ann"}
    security = chosen(model, **FILES, **password).login.security
    assert (security.protocol, security.password()) == (protocol, None), "variables of another cluster"
    typed = chosen(model, typed="kafka_sasl_mechanism", **FILES, **password).login.security
    assert typed.protocol == f"SASL_{protocol}"


def test_a_listener_that_asks_for_a_password_is_told_of_one() -> None:
    scram = some_model(securityProtocol="SASL_SSL")
    assert "--kafka-sasl-mechanism is missing" in refusal(scram, **FILES)
    assert "asks for a password" in refusal(scram, **FILES)
    mechanism: dict[str, Any] = {"kafka_sasl_mechanism": "SCRAM-SHA-512"}
    assert "--kafka-username is missing" in refusal(scram, **FILES, **mechanism)
    assert "--kafka-username is missing" in refusal(
        scram, kafka_bootstrap_servers="outside:9094", **FILES, **mechanism
    )
    security = chosen(scram, kafka_username="ann", **FILES, **mechanism).login.security
    assert (security.protocol, security.username) == ("SASL_SSL", "ann")


def test_a_model_that_does_not_know_its_kafka_is_told() -> None:
    assert "model pets does not say it" in refusal(some_model(bootstrapServers=None), **FILES)
    with pytest.raises(ClientError, match=r"model pets has no status.kafka yet"):
        read_model_kafka({"metadata": {"name": "pets"}, "spec": {}})
