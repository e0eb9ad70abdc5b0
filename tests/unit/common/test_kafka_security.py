import datetime as dt
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from catdog_common.kafka_security import KafkaSecurityError, build_ssl_context, kafka_settings


def write_pair(directory: Path, name: str, password: bytes | None = None) -> None:
    """Write a self-signed `<name>.crt` and its `<name>.key`."""
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
        .not_valid_after(today + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
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
    names = {
        dict(item for pairs in each["subject"] for item in pairs)["commonName"] for each in trusted(context)
    }
    assert names == {"ca", "ca-2026-01-01T00-00-00Z"}
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED


def trusted(context: ssl.SSLContext) -> list[dict[str, tuple[tuple[tuple[str, str], ...], ...]]]:
    return context.get_ca_certs()  # type: ignore[return-value]


def test_aiokafka_is_told_to_speak_tls(ca: Path, user: Path) -> None:
    settings = kafka_settings(ca, user)
    assert settings["security_protocol"] == "SSL"
    assert isinstance(settings["ssl_context"], ssl.SSLContext)


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
