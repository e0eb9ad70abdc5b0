"""The certificates and kubeconfigs of a throwaway cluster."""

import base64
import datetime as dt
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_DAYS = 30


@dataclass(frozen=True)
class Identity:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def write(self, directory: Path, name: str) -> None:
        """Write `name.crt` and `name.key`."""
        (directory / f"{name}.crt").write_bytes(self.certificate_pem)
        (directory / f"{name}.key").write_bytes(self.key_pem)

    @property
    def certificate_pem(self) -> bytes:
        """The certificate as PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The key as PEM, PKCS 8."""
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )


def make_authority(name: str) -> Identity:
    """Return a new CA."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(name)
    usage = x509.BasicConstraints(ca=True, path_length=None)
    certificate = (
        _builder(subject, subject, key).add_extension(usage, critical=True).sign(key, hashes.SHA256())
    )
    return Identity(certificate, key)


def issue(
    authority: Identity, name: str, *, groups: Sequence[str] = (), hosts: Sequence[str] = ()
) -> Identity:
    """Return a certificate for a client `name` in `groups`, or for a server that is reached as `hosts`."""
    key = ec.generate_private_key(ec.SECP256R1())
    usages = [ExtendedKeyUsageOID.CLIENT_AUTH, *([ExtendedKeyUsageOID.SERVER_AUTH] if hosts else [])]
    builder = _builder(_name(name, groups), authority.certificate.subject, key)
    builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    if hosts:
        names = x509.SubjectAlternativeName([_general_name(host) for host in hosts])
        builder = builder.add_extension(names, critical=False)
    return Identity(builder.sign(authority.key, hashes.SHA256()), key)


def write_kubeconfig(path: Path, server: str, authority: Identity, user: Identity, namespace: str) -> None:
    """Write a kubeconfig that is whole in itself."""
    cluster = {"server": server, "certificate-authority-data": _base64(authority.certificate_pem)}
    credentials = {
        "client-certificate-data": _base64(user.certificate_pem),
        "client-key-data": _base64(user.key_pem),
    }
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "catdog", "cluster": cluster}],
        "users": [{"name": "catdog", "user": credentials}],
        "contexts": [
            {"name": "catdog", "context": {"cluster": "catdog", "user": "catdog", "namespace": namespace}}
        ],
        "current-context": "catdog",
    }
    path.write_text(yaml.safe_dump(config))
    path.chmod(0o600)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=_DAYS))
    )


def _name(common_name: str, groups: Sequence[str] = ()) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    return x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
