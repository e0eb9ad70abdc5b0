"""Where a model's Kafka is: by its resource, by options, and by variables of the environment."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

import click
import msgspec
from click.core import ParameterSource

from catdog_client.config import KafkaConfig
from catdog_client.errors import ClientError
from catdog_common.kafka_binding import are_servers

AnyConfig = TypeVar("AnyConfig", bound=KafkaConfig)

_TOPICS = frozenset({"input_topic", "output_topic", "dead_letter_topic"})
_FILES = {
    "kafka_ca_dir": "a folder with the certificates to trust, *.crt (Strimzi has them in the Secret "
    "<cluster>-cluster-ca-cert)",
    "kafka_user_dir": "a folder with what lets you in: user.crt and user.key, or password (Strimzi has them "
    "in the Secret of your KafkaUser; the model's own may not read its answers)",
}


class _Status(msgspec.Struct, frozen=True, rename="camel"):
    """What is read of status.kafka."""

    input_topic: str
    output_topic: str
    dead_letter_topic: str
    bootstrap_servers: str | None = None
    secret_name: str | None = None
    security_protocol: str | None = None  # None: where a KafkaAccess's Secret says it


class _Spec(msgspec.Struct, frozen=True, rename="camel"):
    """What is read of spec.kafka."""

    max_image_bytes: int | None = None


class ModelKafka(msgspec.Struct, frozen=True):
    """What a model says of its Kafka."""

    model: str
    status: _Status
    spec: _Spec

    def settings(self) -> dict[str, Any]:
        """Return what it says, by the options' names."""
        status = self.status
        return {
            "kafka_bootstrap_servers": status.bootstrap_servers,
            "input_topic": status.input_topic,
            "output_topic": status.output_topic,
            "dead_letter_topic": status.dead_letter_topic,
            "max_image_bytes": self.spec.max_image_bytes,
        }


class Given(NamedTuple):
    """An option's value, and whether the person typed it just now."""

    value: Any
    typed: bool


def read_model_kafka(body: Mapping[str, Any]) -> ModelKafka:
    """Return what a resource says of its Kafka.

    Raises:
        ClientError: its status does not say it yet.
    """
    name = body["metadata"]["name"]
    found = body.get("status", {}).get("kafka")
    if found is None:
        raise ClientError(f"model {name} has no status.kafka yet: see whether the operator runs")
    try:
        spec = msgspec.convert(body["spec"].get("kafka", {}), _Spec)
        return ModelKafka(name, msgspec.convert(found, _Status), spec)
    except msgspec.ValidationError as error:
        raise ClientError(f"status.kafka of model {name} is of another release: {error}") from error


def choose(given: Mapping[str, Given], settings: type[AnyConfig], model: ModelKafka | None) -> AnyConfig:
    """Return the settings: as typed, else (of topics) by the model, else by variables, else by the model.

    Variables say where Kafka is from here (the model knows it from within the cluster); but the topics that
    they name may be another model's.

    Raises:
        click.UsageError: one is missing, or is no address; the message names the option, its variable, and
            what it should be.
    """
    said = {} if model is None else model.settings()
    chosen = {name: _pick(name, given[name], said.get(name)) for name in settings.__struct_fields__}
    demands = _demands(chosen, model)
    missing = [name for name in _needed(chosen, demands) if chosen[name] is None]
    if missing:
        raise click.UsageError(_tell_missing(missing[0], model))
    if not are_servers(servers := chosen["kafka_bootstrap_servers"]):
        raise click.UsageError(
            f"--kafka-bootstrap-servers (or CATDOG_KAFKA_BOOTSTRAP_SERVERS) is {servers!r}: write host:port, "
            "or several of them with ',' between"
        )
    return settings(**(chosen | dict.fromkeys(_unasked(demands, given))))


def _pick(name: str, given: Given, said: Any) -> Any:  # noqa: ANN401 - whatever the option is
    model_first = name in _TOPICS and not given.typed and said is not None
    return said if model_first or given.value is None else given.value


class _Demands(NamedTuple):
    """What a listener asks of a client."""

    tls: bool
    login: bool
    password: bool = False


def _demands(chosen: Mapping[str, Any], model: ModelKafka | None) -> _Demands:
    """Return what is known of the listener: the one that the model's pods use asks the same of everyone."""
    if model is None or chosen["kafka_bootstrap_servers"] != model.status.bootstrap_servers:
        return _Demands(tls=True, login=True, password=chosen["kafka_sasl_mechanism"] is not None)
    protocol = model.status.security_protocol or "SSL"
    return _Demands(
        tls=protocol.endswith("SSL"),
        login=model.status.secret_name is not None,
        password=protocol.startswith("SASL_"),
    )


def _unasked(demands: _Demands, given: Mapping[str, Given]) -> Iterator[str]:
    """Yield what a listener does not ask for: of variables of another cluster, say, and their password."""
    if not demands.tls:
        yield "kafka_ca_dir"
    if not demands.password and not given["kafka_sasl_mechanism"].typed:
        yield from ("kafka_sasl_mechanism", "kafka_username")


def _needed(chosen: Mapping[str, Any], demands: _Demands) -> list[str]:
    """Return the names of the settings that have to be there, in the order in which they are asked for."""
    by_demand = {
        "kafka_ca_dir": demands.tls,
        "kafka_user_dir": demands.login,
        "kafka_sasl_mechanism": demands.password,
        "kafka_username": demands.password,
        "max_image_bytes": False,
    }
    return [name for name in chosen if by_demand.get(name, True)]


def _tell_missing(name: str, model: ModelKafka | None) -> str:
    option, variable = "--" + name.replace("_", "-"), "CATDOG_" + name.upper()
    what = f": {_FILES[name]}" if name in _FILES else ""
    if model is not None:
        if name == "kafka_bootstrap_servers":
            what = (
                f": model {model.model} does not say it (yet: see KafkaReady; or a KafkaAccess's Secret does)"
            )
        if name == "kafka_sasl_mechanism":
            what = f": Kafka of model {model.model} asks for a password"
    return f"{option} is missing: give it before the command, or set {variable}{what}"


def configure_model(model: ModelKafka | None, settings: type[AnyConfig]) -> AnyConfig:
    """Return the settings of the command that runs now, by its options and by a model.

    Raises:
        click.UsageError: one is missing.
    """
    root = click.get_current_context().find_root()
    given = {
        name: Given(root.params.get(name), root.get_parameter_source(name) is ParameterSource.COMMANDLINE)
        for name in settings.__struct_fields__
    }
    return choose(given, settings, model)
