import datetime as dt
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from catdog_common.kafka_security import (
    KafkaSecurity,
    KafkaSecurityError,
    Mechanism,
    RenewedContext,
    build_ssl_context,
)


def write_pair(
    directory: Path, name: str, password: bytes | None = None, days: int = 1, dns: str = "nowhere"
) -> None:
    """Write a self-signed `<name>.crt`, good for so many days and this host, and its `<name>.key`."""
    directory.mkdir(exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    today = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today)
        .not_valid_after(today + dt.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(dns)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    protection = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    (directory / f"{name}.crt").write_bytes(certificate.public_bytes(pem))
    (directory / f"{name}.key").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, protection)
    )


@pytest.fixture
def ca(tmp_path: Path) -> Path:
    write_pair(tmp_path / "ca", "ca")
    return tmp_path / "ca"


@pytest.fixture
def user(tmp_path: Path) -> Path:
    write_pair(tmp_path / "user", "user")
    return tmp_path / "user"


def test_every_certificate_is_trusted_and_host_names_are_checked(ca: Path, user: Path) -> None:
    write_pair(ca, "ca-2026-01-01T00-00-00Z")
    context = build_ssl_context(ca, user)
    assert subjects(context) == {"ca", "ca-2026-01-01T00-00-00Z"}
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED


def subjects(context: ssl.SSLContext) -> set[str]:
    return {
        dict(item for pairs in each["subject"] for item in pairs)["commonName"] for each in trusted(context)
    }


def trusted(context: ssl.SSLContext) -> list[dict[str, tuple[tuple[tuple[str, str], ...], ...]]]:
    return context.get_ca_certs()  # type: ignore[return-value]


def test_aiokafka_is_told_to_speak_tls(ca: Path, user: Path) -> None:
    settings = KafkaSecurity(ca, user).settings()
    assert settings["security_protocol"] == "SSL"
    assert isinstance(settings["ssl_context"], ssl.SSLContext)


def test_aiokafka_is_told_name_and_password(ca: Path, user: Path) -> None:
    (user / "password").write_text("s3cret")
    settings = KafkaSecurity(ca, user, "SCRAM-SHA-512", "pets").settings()
    assert settings.pop("ssl_context") is not None
    assert settings == {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "pets",
        "sasl_plain_password": "s3cret",
    }


@pytest.mark.parametrize(
    ("tls", "mechanism", "protocol"),
    [
        (False, None, "PLAINTEXT"),
        (False, "SCRAM-SHA-256", "SASL_PLAINTEXT"),
        (True, None, "SSL"),
        (True, "PLAIN", "SASL_SSL"),
    ],
)
def test_the_protocol_follows_from_what_there_is(
    ca: Path, user: Path, mechanism: Mechanism | None, protocol: str, *, tls: bool
) -> None:
    assert KafkaSecurity(ca if tls else None, user, mechanism).protocol == protocol


def test_with_a_password_no_certificate_is_shown(ca: Path, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("s3cret")
    KafkaSecurity(ca, tmp_path, "SCRAM-SHA-512", "pets").settings()


def test_a_missing_password_is_named(ca: Path, user: Path) -> None:
    with pytest.raises(KafkaSecurityError, match=f"{user}/password can't be read: No such file"):
        KafkaSecurity(ca, user, "PLAIN", "pets").settings()


def test_the_next_connection_uses_a_renewed_ca(ca: Path, user: Path) -> None:
    context = RenewedContext(ca, user)
    assert context.current() is context.current()
    (ca / "ca.crt").unlink()
    write_pair(ca, "ca-of-today")
    assert subjects(context.current()) == {"ca-of-today"}
    assert isinstance(
        context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="broker"), ssl.SSLObject
    )


def test_the_next_connection_shows_a_renewed_certificate(ca: Path, user: Path) -> None:
    context = RenewedContext(ca, user)
    before = context.current()
    write_pair(user, "user")
    assert context.current() is not before


def test_what_can_not_be_used_is_not_used_until_it_can(ca: Path, user: Path) -> None:
    context = RenewedContext(ca, user)
    before = context.current()
    key = (user / "user.key").read_bytes()
    (user / "user.key").write_text("half a key")
    assert context.current() is before
    (user / "user.key").write_bytes(key)
    assert context.current() is not before


def test_a_directory_without_certificates_is_named(tmp_path: Path, user: Path) -> None:
    with pytest.raises(KafkaSecurityError, match=rf"{tmp_path}/none has no \*\.crt"):
        build_ssl_context(tmp_path / "none", user)


@pytest.mark.parametrize("name", ["user.crt", "user.key"])
def test_a_missing_file_of_the_user_is_named(ca: Path, user: Path, name: str) -> None:
    (user / name).unlink()
    with pytest.raises(KafkaSecurityError, match=f"{user / name} is missing"):
        build_ssl_context(ca, user)


def test_a_broken_certificate_is_named(ca: Path, user: Path) -> None:
    (ca / "broken.crt").write_text("no certificate")
    with pytest.raises(KafkaSecurityError, match=r"broken\.crt can't be trusted"):
        build_ssl_context(ca, user)


def test_a_key_of_another_certificate_is_refused(ca: Path, user: Path, tmp_path: Path) -> None:
    write_pair(tmp_path / "other", "user")
    (tmp_path / "other" / "user.key").replace(user / "user.key")
    with pytest.raises(KafkaSecurityError, match="no pair of certificate and key"):
        build_ssl_context(ca, user)


def test_an_encrypted_key_is_refused_and_no_terminal_is_asked(ca: Path, user: Path) -> None:
    write_pair(user, "user", password=b"secret")
    with pytest.raises(KafkaSecurityError, match="no pair of certificate and key"):
        build_ssl_context(ca, user)
