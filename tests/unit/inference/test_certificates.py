from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from catdog_common.kafka_binding import KafkaLogin
from catdog_common.kafka_security import KafkaSecurity
from catdog_inference.certificates import Certificates
from tests.unit.common.test_kafka_security import write_pair

NAME = "catdog_kafka_certificate_days_left"


@pytest.fixture
def security(tmp_path: Path) -> KafkaSecurity:
    for directory, name in (
        ("ca", "ca"),
        ("ca", "ca-2026-01-01T00-00-00Z"),
        ("user", "user"),
        ("user", "ca"),
    ):
        write_pair(tmp_path / directory, name, days=30 if name == "user" else 300)
    return KafkaSecurity(tmp_path / "ca", tmp_path / "user")


def days_left(security: KafkaSecurity) -> dict[str, float]:
    registry = CollectorRegistry()
    registry.register(Certificates(lambda: KafkaLogin("", security)))
    [family] = registry.collect()
    return {sample.labels["certificate"]: round(sample.value) for sample in family.samples}


def test_each_certificate_that_is_shown_or_trusted_is_told_by_its_days(security: KafkaSecurity) -> None:
    assert days_left(security) == {"ca.crt": 300, "ca-2026-01-01T00-00-00Z.crt": 300, "user.crt": 30}


def test_a_renewed_certificate_is_told_at_the_next_look(security: KafkaSecurity, tmp_path: Path) -> None:
    registry = CollectorRegistry()
    registry.register(Certificates(lambda: KafkaLogin("", security)))
    write_pair(tmp_path / "user", "user", days=365)
    assert registry.get_sample_value(NAME, {"certificate": "user.crt"}) == pytest.approx(365, abs=0.1)


def test_of_several_in_one_file_the_first_to_end_counts(security: KafkaSecurity, tmp_path: Path) -> None:
    write_pair(tmp_path / "short", "ca", days=3)
    with (tmp_path / "ca" / "ca.crt").open("ab") as chain:
        chain.write((tmp_path / "short" / "ca.crt").read_bytes())
    assert days_left(security)["ca.crt"] == 3


def test_what_is_no_certificate_is_left_to_the_connection_to_tell(
    security: KafkaSecurity, tmp_path: Path
) -> None:
    (tmp_path / "user" / "user.crt").write_text("none")
    assert days_left(security).keys() == {"ca.crt", "ca-2026-01-01T00-00-00Z.crt"}


def test_without_tls_nothing_is_told(tmp_path: Path) -> None:
    assert days_left(KafkaSecurity(None, tmp_path, "SCRAM-SHA-512", "pets")) == {}
