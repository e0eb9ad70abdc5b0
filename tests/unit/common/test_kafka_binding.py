from pathlib import Path

import pytest

from catdog_common.kafka_binding import read_binding
from catdog_common.kafka_security import KafkaSecurity, KafkaSecurityError

CA, USER = Path("/ca"), Path("/user")


@pytest.fixture
def binding(tmp_path: Path) -> Path:
    return tmp_path


def write(directory: Path, **entries: str) -> None:
    for name, value in entries.items():
        (directory / name.replace("_", ".")).write_text(value)


@pytest.mark.parametrize("name", ["bootstrap.servers", "bootstrapServers", "bootstrap-servers"])
def test_the_address_is_found_under_each_of_its_names(binding: Path, name: str) -> None:
    (binding / name).write_text("kafka:9093\n")
    write(binding, security_protocol="SSL")
    assert read_binding(binding, CA, USER).servers == "kafka:9093"


@pytest.mark.parametrize("servers", ["kafka", "kafka:9093,", "https://kafka:9093", "kafka:port", ""])
def test_an_address_that_is_none_is_named(binding: Path, servers: str) -> None:
    write(binding, bootstrap_servers=servers, security_protocol="SSL")
    with pytest.raises(KafkaSecurityError, match=r"bootstrap\.servers is .*; it should be host:port"):
        read_binding(binding, CA, USER)


@pytest.mark.parametrize("servers", ["kafka:9093", "a.example:9093, b.example:9094", "[fd00::1]:9093"])
def test_addresses_are_host_and_port(binding: Path, servers: str) -> None:
    write(binding, bootstrap_servers=servers, security_protocol="SSL")
    assert read_binding(binding, CA, USER).servers == servers


def test_with_a_password_it_is_the_named_users(binding: Path) -> None:
    write(
        binding,
        bootstrap_servers="kafka:9095",
        security_protocol="SASL_SSL",
        sasl_mechanism="SCRAM-SHA-512",
        username="pets",
    )
    assert read_binding(binding, CA, USER).security == KafkaSecurity(CA, USER, "SCRAM-SHA-512", "pets")


def test_with_a_certificate_that_is_shown(binding: Path, tmp_path: Path) -> None:
    write(binding, bootstrap_servers="kafka:9093", security_protocol="SSL")
    (tmp_path / "user.crt").touch()
    assert read_binding(binding, CA, tmp_path).security == KafkaSecurity(CA, tmp_path)


@pytest.mark.parametrize(("protocol", "ca_dir"), [("SSL", CA), ("PLAINTEXT", None)])
def test_without_either_the_client_is_nobody(binding: Path, protocol: str, ca_dir: Path | None) -> None:
    write(binding, bootstrap_servers="kafka:9096", security_protocol=protocol)
    assert read_binding(binding, CA, USER).security == KafkaSecurity(ca_dir, None)


def test_an_entry_that_is_no_text_is_named(binding: Path) -> None:
    (binding / "security.protocol").write_bytes(b"\xff")
    with pytest.raises(KafkaSecurityError, match=r"security\.protocol can't be read"):
        read_binding(binding, CA, USER)


def test_an_entry_that_is_missing_is_named(binding: Path) -> None:
    with pytest.raises(KafkaSecurityError, match=r"security\.protocol is missing: the Secret is no binding"):
        read_binding(binding, CA, USER)


def test_a_mechanism_that_workers_do_not_speak_is_named(binding: Path) -> None:
    write(binding, security_protocol="SASL_SSL", sasl_mechanism="GSSAPI", username="pets")
    with pytest.raises(KafkaSecurityError, match=r"sasl\.mechanism is GSSAPI, which a worker does not speak"):
        read_binding(binding, CA, USER)
