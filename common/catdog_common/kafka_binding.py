"""Reads how Kafka is reached from a Secret by the Service Binding specification, type `kafka`.

Strimzi's Access Operator writes one for a KafkaAccess, each entry under several names. Its certificates and
its password are mounted once more, under the names that a KafkaUser's Secret has: see `kafka_security`.
"""

import re
from pathlib import Path

import msgspec

from catdog_common.kafka_security import KafkaSecurity, KafkaSecurityError, Mechanism

_SERVERS = ("bootstrap.servers", "bootstrapServers", "bootstrap-servers")
_PROTOCOL = ("security.protocol", "securityProtocol")
_SERVER = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+):[0-9]{1,5}")
_MECHANISM = ("sasl.mechanism", "saslMechanism")


class KafkaLogin(msgspec.Struct, frozen=True):
    """Where Kafka is (host:port, several with commas between), and how a client is let in."""

    servers: str
    security: KafkaSecurity


class KafkaEnvironment(msgspec.Struct, frozen=True, kw_only=True):
    """What a pod's environment says of the way into Kafka; where a binding is, that says the rest."""

    kafka_bootstrap_servers: str = ""
    kafka_binding_dir: str = ""
    kafka_ca_dir: str = ""
    kafka_user_dir: str = ""
    kafka_sasl_mechanism: Mechanism | None = None
    kafka_username: str = ""

    def kafka_login(self) -> KafkaLogin:
        """Return where Kafka is and how the pod is let in, as it is now.

        Raises:
            KafkaSecurityError: a binding lacks something.
        """
        ca_dir, user_dir = (Path(each) if each else None for each in (self.kafka_ca_dir, self.kafka_user_dir))
        if self.kafka_binding_dir and ca_dir and user_dir:
            return read_binding(Path(self.kafka_binding_dir), ca_dir, user_dir)
        security = KafkaSecurity(ca_dir, user_dir, self.kafka_sasl_mechanism, self.kafka_username)
        return KafkaLogin(self.kafka_bootstrap_servers, security)


def are_servers(text: str) -> bool:
    """Whether these are addresses as Kafka's clients take them: host:port, several with commas between."""
    return all(_SERVER.fullmatch(each.strip()) for each in text.split(","))


def read_binding(directory: Path, ca_dir: Path, user_dir: Path) -> KafkaLogin:
    """Return what the binding in `directory` says, with the files in the other two.

    Raises:
        KafkaSecurityError: an entry is missing, or is not what it should be.
    """
    protocol = _read(directory, _PROTOCOL)
    mechanism: Mechanism | None = None
    username = ""
    if protocol.startswith("SASL_"):
        mechanism, username = _read_mechanism(directory), _read(directory, ("username",))
    is_known = mechanism is not None or (user_dir / "user.crt").exists()
    security = KafkaSecurity(
        ca_dir if protocol.endswith("SSL") else None, user_dir if is_known else None, mechanism, username
    )
    return KafkaLogin(_read_servers(directory), security)


def _read_servers(directory: Path) -> str:
    servers = _read(directory, _SERVERS)
    if not are_servers(servers):
        raise KafkaSecurityError(
            f"{directory / _SERVERS[0]} is {servers!r}; it should be host:port, several with commas between"
        )
    return servers


def _read_mechanism(directory: Path) -> Mechanism:
    named = _read(directory, _MECHANISM)
    try:
        mechanism: Mechanism = msgspec.convert(named, Mechanism)
    except msgspec.ValidationError as error:
        raise KafkaSecurityError(
            f"{directory / _MECHANISM[0]} is {named}, which a worker does not speak"
        ) from error
    return mechanism


def _read(directory: Path, names: tuple[str, ...]) -> str:
    for name in names:
        file = directory / name
        if file.is_file():
            try:
                return file.read_text().strip()
            except (OSError, UnicodeDecodeError) as error:
                raise KafkaSecurityError(f"{file} can't be read: {error}") from error
    raise KafkaSecurityError(f"{directory / names[0]} is missing: the Secret is no binding for Kafka")
