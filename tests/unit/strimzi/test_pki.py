import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12

from tests.cluster.strimzi.pki import (
    KeyPair,
    is_current,
    issue,
    key_store,
    new_authority,
    subject,
    trust_store,
)


@pytest.fixture(scope="module")
def authority() -> KeyPair:
    return new_authority("cluster-ca v0")


@pytest.fixture(scope="module")
def broker(authority: KeyPair) -> KeyPair:
    return issue(authority, subject("my-cluster-kafka", "io.strimzi"), ["broker.svc"], ["192.0.2.1"])


def test_kafka_reads_the_common_name_first(broker: KeyPair) -> None:
    certificate = x509.load_pem_x509_certificate(broker.certificate)
    assert certificate.subject.rfc4514_string() == "CN=my-cluster-kafka,O=io.strimzi"


def test_a_certificate_is_current_for_its_authority_and_exactly_its_names(
    authority: KeyPair, broker: KeyPair
) -> None:
    assert is_current(broker.certificate, authority.certificate, ["broker.svc"], ["192.0.2.1"])
    assert not is_current(broker.certificate, authority.certificate, ["broker.svc"], ["192.0.2.2"])
    assert not is_current(broker.certificate, authority.certificate, [], ["192.0.2.1"])
    assert not is_current(
        broker.certificate, new_authority("cluster-ca v0").certificate, ["broker.svc"], ["192.0.2.1"]
    )


def test_java_finds_the_same_in_pkcs_12(authority: KeyPair, broker: KeyPair) -> None:
    store = pkcs12.load_pkcs12(key_store(broker, authority.certificate, "pets", "password"), b"password")
    assert store.cert is not None
    assert store.cert.certificate == x509.load_pem_x509_certificate(broker.certificate)
    trusted = pkcs12.load_pkcs12(trust_store(authority.certificate, "password"), b"password")
    assert [each.certificate for each in trusted.additional_certs] == [
        x509.load_pem_x509_certificate(authority.certificate)
    ]
