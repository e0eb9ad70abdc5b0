"""Lets a Kafka client in: by TLS, by a certificate of its own, or by a name and a password.

The files are those of Strimzi's Secrets, mounted on directories: `*.crt` of a cluster's CA; `user.crt` and
`user.key`, or `password`, of a user. They may change while a client runs.
"""

import ssl
from pathlib import Path
from typing import Any, Literal, Self

import msgspec

Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
Stamp = tuple[tuple[str, int, int], ...]


class KafkaSecurityError(Exception):
    """A file that the connection needs is missing or is not what it should be; the message names it."""


class KafkaSecurity(msgspec.Struct, frozen=True):
    """How a client is let in, and where its files are.

    Every `*.crt` in `ca_dir` is trusted; without it there is no TLS. In `user_dir` are `user.crt` and
    `user.key`, or, with a `mechanism` of SASL, the `password` of `username`; without it the client is nobody.
    """

    ca_dir: Path | None
    user_dir: Path | None
    mechanism: Mechanism | None = None
    username: str = ""

    @property
    def protocol(self) -> str:
        """Kafka's `security.protocol`."""
        return ("SASL_" if self.mechanism else "") + ("SSL" if self.ca_dir else "PLAINTEXT")

    @property
    def certificate_dir(self) -> Path | None:
        """Where the client's own certificate is, if it shows one."""
        return self.user_dir if self.ca_dir and not self.mechanism else None

    def settings(self) -> dict[str, Any]:
        """Return the arguments that let an aiokafka client in.

        Raises:
            KafkaSecurityError: a file is missing, or can't be read.
        """
        settings: dict[str, Any] = {"security_protocol": self.protocol}
        if self.ca_dir:
            settings["ssl_context"] = RenewedContext(self.ca_dir, self.certificate_dir)
        if self.mechanism:
            settings["sasl_mechanism"] = self.mechanism
            settings["sasl_plain_username"] = self.username
            settings["sasl_plain_password"] = self.password()
        return settings

    def password(self) -> str | None:
        """Return the password as it is now, None where there is none to show.

        Raises:
            KafkaSecurityError: its file is missing, or can't be read.
        """
        if not self.mechanism or not self.user_dir:
            return None
        file = self.user_dir / "password"
        try:
            return file.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise KafkaSecurityError(f"{file} can't be read: {_reason(error)}") from error


class RenewedContext(ssl.SSLContext):
    """A client's context whose next connections use the files as they are then.

    While they can't be used (a certificate without its key, say) those go on being used that could.
    """

    def __new__(cls, ca_dir: Path, user_dir: Path | None) -> Self:  # noqa: ARG004  __init__'s
        """Make the outer context, whose own settings nobody asks for."""
        return super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)

    def __init__(self, ca_dir: Path, user_dir: Path | None) -> None:
        """Read the files.

        Raises:
            KafkaSecurityError: a certificate or the key is missing, or can't be read.
        """
        self._ca_dir, self._user_dir = ca_dir, user_dir
        self._seen = self._look()
        self._usable = build_ssl_context(ca_dir, user_dir)

    def wrap_bio(self, *arguments: Any, **options: Any) -> ssl.SSLObject:  # noqa: ANN401  ssl's own
        """Return what asyncio makes a connection of."""
        return self.current().wrap_bio(*arguments, **options)

    def current(self) -> ssl.SSLContext:
        """Return the context by the files as they are, or as they were when they could last be used."""
        if (stamp := self._look()) != self._seen:
            try:
                self._usable = build_ssl_context(self._ca_dir, self._user_dir)
            except KafkaSecurityError:
                return self._usable
            self._seen = stamp
        return self._usable

    def _look(self) -> Stamp:
        # A Secret's volume changes by a link's rename; what is read in between differs at the next look.
        directories = (self._ca_dir, self._user_dir) if self._user_dir else (self._ca_dir,)
        files = (file for directory in directories for file in sorted(directory.glob("*")) if file.is_file())
        return tuple((str(file), (found := file.stat()).st_ino, found.st_mtime_ns) for file in files)


def build_ssl_context(ca_dir: Path, user_dir: Path | None) -> ssl.SSLContext:
    """Return a context that trusts every `*.crt` in `ca_dir`, checks host names, and shows any `user.crt`.

    Every one, because Strimzi keeps a CA that it replaced beside its successor until all have moved over.

    Raises:
        KafkaSecurityError: a certificate or the key is missing, or can't be read.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _trust(context, ca_dir)
    if user_dir:
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


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
