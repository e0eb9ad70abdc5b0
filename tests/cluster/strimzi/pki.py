"""Keys and certificates as Strimzi makes them: RSA, PEM, authorities for a year, certificates for a year."""

import contextlib
import datetime as dt
import ipaddress
from collections.abc import Sequence
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ORGANIZATION = "io.strimzi"
VALIDITY = dt.timedelta(days=365)
RENEWAL = dt.timedelta(days=30)


class KeyPair(NamedTuple):
    """A certificate and its private key (PKCS 8), both PEM."""

    certificate: bytes
    key: bytes


def new_authority(common_name: str) -> KeyPair:
    """Return a new self-signed certificate authority."""
    return _sign_oneself(common_name, _new_key())


def renew_authority(pair: KeyPair, common_name: str) -> KeyPair:
    """Return a certificate authority of the same key with another certificate."""
    key = serialization.load_pem_private_key(pair.key, None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return _sign_oneself(common_name, key)


def _sign_oneself(common_name: str, key: rsa.RSAPrivateKey) -> KeyPair:
    name = subject(common_name, ORGANIZATION)
    builder = _builder(name, name, key.public_key(), key.public_key())
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_key_usage(signs_certificates=True), critical=True)
    return _pair(builder.sign(key, hashes.SHA256()), key)


def issue(
    authority: KeyPair,
    name: x509.Name,
    dns_names: Sequence[str] = (),
    addresses: Sequence[str] = (),
    validity: dt.timedelta = VALIDITY,
) -> KeyPair:
    """Return a new key and its certificate, signed by `authority` and valid for these names and addresses."""
    issuer = x509.load_pem_x509_certificate(authority.certificate)
    issuer_key = serialization.load_pem_private_key(authority.key, None)
    assert isinstance(issuer_key, rsa.RSAPrivateKey)
    key = _new_key()
    builder = _builder(name, issuer.subject, key.public_key(), issuer_key.public_key(), validity)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_key_usage(signs_certificates=False), critical=True)
    usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    if dns_names or addresses:
        builder = builder.add_extension(_alternative_names(dns_names, addresses), critical=False)
    return _pair(builder.sign(issuer_key, hashes.SHA256()), key)


def is_current(
    certificate: bytes, authority: bytes, dns_names: Sequence[str] = (), addresses: Sequence[str] = ()
) -> bool:
    """Whether `authority` signed `certificate` for exactly these names, with more than RENEWAL left."""
    found = x509.load_pem_x509_certificate(certificate)
    try:
        found.verify_directly_issued_by(x509.load_pem_x509_certificate(authority))
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (InvalidSignature, ValueError):
        return False  # another authority's
    except x509.ExtensionNotFound:
        names = x509.SubjectAlternativeName([])
    left = found.not_valid_after_utc - dt.datetime.now(dt.UTC)
    return left > RENEWAL and set(names) == set(_alternative_names(dns_names, addresses))


def is_signed_by_any(certificate: bytes, authorities: Sequence[bytes]) -> bool:
    """Whether one of these has signed a certificate."""
    found = x509.load_pem_x509_certificate(certificate)
    for authority in authorities:
        with contextlib.suppress(InvalidSignature, ValueError):  # another one's
            found.verify_directly_issued_by(x509.load_pem_x509_certificate(authority))
            return True
    return False


def expiry(certificate: bytes) -> dt.datetime:
    """Return when a certificate ends."""
    return x509.load_pem_x509_certificate(certificate).not_valid_after_utc


def subject(common_name: str, organization: str | None = None) -> x509.Name:
    """Return a name that Kafka reads as `CN=<common_name>[,O=<organization>]`."""
    common = x509.NameAttribute(NameOID.COMMON_NAME, common_name)
    if organization is None:
        return x509.Name([common])
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization), common])


def trust_store(certificate: bytes, password: str) -> bytes:
    """Return a PKCS 12 store from which Java trusts the certificate."""
    entry = pkcs12.PKCS12Certificate(x509.load_pem_x509_certificate(certificate), b"ca.crt")
    encryption = serialization.BestAvailableEncryption(password.encode())
    return pkcs12.serialize_java_truststore([entry], encryption)


def key_store(pair: KeyPair, authority: bytes, name: str, password: str) -> bytes:
    """Return a PKCS 12 store with key, certificate and the authority's certificate."""
    key = serialization.load_pem_private_key(pair.key, None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return pkcs12.serialize_key_and_certificates(
        name.encode(),
        key,
        x509.load_pem_x509_certificate(pair.certificate),
        [x509.load_pem_x509_certificate(authority)],
        serialization.BestAvailableEncryption(password.encode()),
    )


def _new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _builder(
    name: x509.Name,
    issuer: x509.Name,
    key: rsa.RSAPublicKey,
    issuer_key: rsa.RSAPublicKey,
    validity: dt.timedelta = VALIDITY,
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=1))  # a client's clock may lag a little
        .not_valid_after(now + validity)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=not signs_certificates,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _alternative_names(dns_names: Sequence[str], addresses: Sequence[str]) -> x509.SubjectAlternativeName:
    ips = [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
    return x509.SubjectAlternativeName([*(x509.DNSName(name) for name in dns_names), *ips])


def _pair(certificate: x509.Certificate, key: rsa.RSAPrivateKey) -> KeyPair:
    return KeyPair(
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    )
