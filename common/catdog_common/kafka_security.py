"""Lets a Kafka client in by mutual TLS, from the directories that Strimzi's Secrets are mounted on."""

import ssl
from pathlib import Path
from typing import Any


class KafkaSecurityError(Exception):
    """A file that the connection needs is missing or is not what it should be; the message names it."""


def kafka_settings(ca_dir: Path, user_dir: Path) -> dict[str, Any]:
    """Return the arguments that make an aiokafka client speak mutual TLS.

    Raises:
        KafkaSecurityError: a certificate or the key is missing, or can't be read.
    """
    return {"security_protocol": "SSL", "ssl_context": build_ssl_context(ca_dir, user_dir)}


def build_ssl_context(ca_dir: Path, user_dir: Path) -> ssl.SSLContext:
    """Return a context that trusts every `*.crt` in `ca_dir`, checks host names, and shows `user.crt`.

    Every one, because Strimzi keeps a CA that it replaced beside its successor until all have moved over.

    Raises:
        KafkaSecurityError: a certificate or the key is missing, or can't be read.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _trust(context, ca_dir)
    _identify(context, user_dir)
    return context


def _trust(context: ssl.SSLContext, ca_dir: Path) -> None:
    certificates = sorted(ca_dir.glob("*.crt"))
    if not certificates:
        raise KafkaSecurityError(f"{ca_dir} has no *.crt: nothing says which brokers to trust")
    for certificate in certificates:
        try:
            context.load_verify_locations(certificate)
        except OSError as error:  # ssl.SSLError is one
            raise KafkaSecurityError(f"{certificate} can't be trusted: {_reason(error)}") from error


def _identify(context: ssl.SSLContext, user_dir: Path) -> None:
    certificate, key = user_dir / "user.crt", user_dir / "user.key"
    for file in (certificate, key):
        if not file.is_file():
            raise KafkaSecurityError(f"{file} is missing: nothing tells the brokers who we are")
    try:
        # The empty password: of a key that is encrypted, OpenSSL would ask a terminal for it.
        context.load_cert_chain(certificate, key, password="")
    except OSError as error:
        raise KafkaSecurityError(
            f"{certificate} and {key} are no pair of certificate and key: {_reason(error)}"
        ) from error


def _reason(error: OSError) -> str:
    return getattr(error, "reason", None) or error.strerror or str(error)
