"""How a pod is let into Kafka: what its Secrets are mounted on, and what its environment says."""

import msgspec

from catdog_operator.manifests.common import Manifest
from catdog_operator.manifests.pod import projected_secrets, secret_volume
from catdog_operator.resource import TrustedCertificates

KAFKA_CA_DIR = "/etc/catdog/kafka-ca"
KAFKA_USER_DIR = "/etc/catdog/kafka-user"
KAFKA_BINDING_DIR = "/etc/catdog/kafka-binding"
# Entries of a binding (servicebinding.io, type kafka) by the names that a KafkaUser's Secret has for them.
BINDING_TRUST = {"ssl.truststore.crt": "ca.crt"}
BINDING_USER = {"ssl.keystore.crt": "user.crt", "ssl.keystore.key": "user.key", "password": "password"}


class Connection(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the pods of a model reach Kafka.

    `cluster` names it to readers of answers. The Secrets hold the pods' certificate, or, with a
    `mechanism` of SASL, the password of `username`; and what to trust, without which there is no TLS.
    """

    cluster: str
    bootstrap_servers: str
    secret_name: str | None
    trusted: tuple[TrustedCertificates, ...]
    mechanism: str | None = None
    username: str | None = None
    is_binding: bool = False  # the Secret says all: address, trust and login

    @property
    def protocol(self) -> str | None:
        """Kafka's `security.protocol`; None where a binding says it."""
        if self.is_binding:
            return None
        return ("SASL_" if self.mechanism else "") + ("SSL" if self.trusted else "PLAINTEXT")


def build_login_volumes(connection: Connection) -> list[tuple[str, str, Manifest]]:
    """Return name, path and volume of each Secret by which pods are let in."""
    secret, volumes = connection.secret_name, []
    if secret and connection.is_binding:
        return [
            ("kafka-binding", KAFKA_BINDING_DIR, secret_volume("kafka-binding", secret)),
            ("kafka-ca", KAFKA_CA_DIR, _renamed("kafka-ca", secret, BINDING_TRUST)),
            ("kafka-user", KAFKA_USER_DIR, _renamed("kafka-user", secret, BINDING_USER)),
        ]
    if connection.trusted:
        volumes.append(("kafka-ca", KAFKA_CA_DIR, _trust_volume("kafka-ca", connection.trusted)))
    if secret:
        volumes.append(("kafka-user", KAFKA_USER_DIR, secret_volume("kafka-user", secret)))
    return volumes


def build_login_environment(connection: Connection) -> dict[str, str]:
    """Return what of a pod's configuration is on where Kafka is, and how the pod is let in."""
    is_binding = connection.is_binding
    login = {
        "CATDOG_KAFKA_BOOTSTRAP_SERVERS": None if is_binding else connection.bootstrap_servers,
        "CATDOG_KAFKA_BINDING_DIR": KAFKA_BINDING_DIR if is_binding else None,
        "CATDOG_KAFKA_CA_DIR": KAFKA_CA_DIR if connection.trusted or is_binding else None,
        "CATDOG_KAFKA_USER_DIR": KAFKA_USER_DIR if connection.secret_name else None,
        "CATDOG_KAFKA_SASL_MECHANISM": connection.mechanism,
        "CATDOG_KAFKA_USERNAME": connection.username,
    }
    return {name: value for name, value in login.items() if value is not None}


def _renamed(name: str, secret: str, names: dict[str, str]) -> Manifest:
    """Return a volume with some of a Secret's entries under other names, as far as they are there."""
    items = [{"key": key, "path": path} for key, path in names.items()]
    return {"name": name, "secret": {"secretName": secret, "items": items, "optional": True}}


def _trust_volume(name: str, trusted: tuple[TrustedCertificates, ...]) -> Manifest:
    """Return a volume with the certificates to trust, each in a file that ends in .crt."""
    if len(trusted) == 1 and trusted[0].certificate is None:
        return secret_volume(name, trusted[0].secret_name)
    return projected_secrets(name, [_trust_source(number, each) for number, each in enumerate(trusted, 1)])


def _trust_source(number: int, trusted: TrustedCertificates) -> Manifest:
    secret: Manifest = {"name": trusted.secret_name}
    if trusted.certificate is None:
        return secret
    return secret | {"items": [{"key": trusted.certificate, "path": f"trusted-{number}.crt"}]}
