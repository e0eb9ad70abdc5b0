"""What the stand-in reads from `Kafka` and `KafkaNodePool`, parsed once."""

from typing import Any, Literal, TypeVar

import msgspec

Parsed = TypeVar("Parsed")

CONTROL_PLANE_PORT = 9090
REPLICATION_PORT = 9091
STAND_IN_PORT = (
    9089  # Strimzi's operators are pods and use 9091; the stand-in is none, and knows no cluster DNS
)


class UnsupportedError(Exception):
    """A resource asks for something that the stand-in does not do; the message says what."""


class Authentication(msgspec.Struct, frozen=True, rename="camel"):
    """How clients of a listener prove who they are; what is `custom` says it in the broker's own options."""

    type: str
    sasl: bool = False
    listener_config: dict[str, Any] = {}


class Listener(msgspec.Struct, frozen=True, rename="camel"):
    """One of `spec.kafka.listeners`."""

    name: str
    port: int
    type: str
    tls: bool
    authentication: Authentication | None = None

    @property
    def id(self) -> str:
        """Kafka's name of it, as Strimzi forms it: TLS-9093."""
        return f"{self.name.upper()}-{self.port}"

    @property
    def has_sasl(self) -> bool:
        """Whether clients have a name and a password."""
        return self.authentication is not None and (
            self.authentication.type == "scram-sha-512" or self.authentication.sasl
        )

    @property
    def protocol(self) -> str:
        """Kafka's security protocol."""
        return ("SASL_" if self.has_sasl else "") + ("SSL" if self.tls else "PLAINTEXT")


class Storage(msgspec.Struct, frozen=True, rename="camel"):
    """Where a pool's brokers keep their logs."""

    type: Literal["ephemeral", "persistent-claim"]
    size: str | None = None
    size_limit: str | None = None
    storage_class: str | None = msgspec.field(default=None, name="class")


class Broker(msgspec.Struct, frozen=True):
    """One broker, which is a controller too."""

    id: int
    pod: str


class Cluster(msgspec.Struct, frozen=True):
    """A Kafka cluster of one pool of dual-role nodes."""

    namespace: str
    name: str
    uid: str
    generation: int
    pool: str
    listeners: tuple[Listener, ...]
    config: dict[str, str]
    storage: Storage
    brokers: tuple[Broker, ...]
    resources: dict[str, Any]
    heap: str  # Java's options
    super_users: tuple[str, ...] = ()

    def pod_dns(self, broker: Broker) -> str:
        """Return the broker's own name: its /etc/hosts has it, so it finds itself before DNS knows it."""
        return f"{broker.pod}.{self.name}-kafka-brokers.{self.namespace}.svc.cluster.local"


class Settings(msgspec.Struct, frozen=True, rename="camel"):
    """The part of `spec.kafka` that the stand-in follows."""

    listeners: tuple[Listener, ...]
    config: dict[str, Any] = {}
    authorization: dict[str, Any] = {}


def parse_cluster(kafka: dict[str, Any], pools: list[dict[str, Any]]) -> Cluster:
    """Return the cluster that the resources describe.

    Raises:
        UnsupportedError: they ask for more than the stand-in does.
    """
    settings = _convert(kafka["spec"]["kafka"], Settings)
    if settings.authorization.get("type") != "simple":
        raise UnsupportedError("the stand-in knows only authorization of type simple")
    for listener in settings.listeners:
        _check(listener)
    pool = _only_pool(kafka["metadata"]["name"], pools)
    name = kafka["metadata"]["name"]
    return Cluster(
        namespace=kafka["metadata"]["namespace"],
        name=name,
        uid=kafka["metadata"]["uid"],
        generation=kafka["metadata"]["generation"],
        pool=pool["metadata"]["name"],
        listeners=settings.listeners,
        config={key: property_value(value) for key, value in settings.config.items()},
        storage=_parse_storage(pool["spec"]["storage"]),
        brokers=tuple(
            Broker(number, f"{name}-{pool['metadata']['name']}-{number}")
            for number in range(pool["spec"]["replicas"])
        ),
        resources=pool["spec"].get("resources", {}),
        heap=_heap(pool["spec"].get("jvmOptions", {})),
        super_users=tuple(settings.authorization.get("superUsers", ())),
    )


def property_value(value: object) -> str:
    """Return a value from a resource's YAML as Kafka writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(property_value(item) for item in value)
    return str(value)


def _check(listener: Listener) -> None:
    if listener.type not in ("internal", "nodeport"):
        raise UnsupportedError(f"the stand-in has no listeners of type {listener.type}")
    if listener.authentication and listener.authentication.type not in ("tls", "scram-sha-512", "custom"):
        raise UnsupportedError(f"the stand-in has no {listener.authentication.type} authentication")


def _only_pool(cluster: str, pools: list[dict[str, Any]]) -> dict[str, Any]:
    if not pools:
        raise UnsupportedError(
            f"KafkaNodePools are required: none has the label strimzi.io/cluster: {cluster}"
        )
    if len(pools) > 1:
        raise UnsupportedError("the stand-in runs one KafkaNodePool of a Kafka")
    if set(pools[0]["spec"]["roles"]) != {"broker", "controller"}:
        raise UnsupportedError("the stand-in's KafkaNodePool has the roles controller and broker")
    return pools[0]


def _parse_storage(storage: dict[str, Any]) -> Storage:
    volumes = storage.get("volumes", [storage])
    if len(volumes) != 1:
        raise UnsupportedError("the stand-in gives a broker one volume")
    return _convert(volumes[0], Storage)


def _convert(value: object, kind: type[Parsed]) -> Parsed:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise UnsupportedError(f"the stand-in does not understand it: {error}") from error


def _heap(jvm_options: dict[str, str]) -> str:
    return f"-Xms{jvm_options.get('-Xms', '128m')} -Xmx{jvm_options.get('-Xmx', '512m')}"
