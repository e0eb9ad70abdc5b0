"""How long the certificates are good for that the worker shows and trusts, for Prometheus."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.x509 import load_pem_x509_certificates
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from catdog_common.kafka_binding import KafkaLogin
from catdog_common.kafka_security import KafkaSecurityError


class Certificates(Collector):
    """Reads the files at each scrape: they may have been renewed."""

    def __init__(self, login: Callable[[], KafkaLogin]) -> None:
        self._login = login

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Return the metric without its values."""
        yield self._family()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Return the days left to each certificate that can be read; of a chain, to the first to end."""
        family = self._family()
        for file in self._files():
            try:
                certificates = load_pem_x509_certificates(file.read_bytes())
            except (OSError, ValueError):  # it is just being replaced, or is none: connecting tells of it
                continue
            left = min(each.not_valid_after_utc for each in certificates) - datetime.now(UTC)
            family.add_metric([file.name], left / timedelta(days=1))
        yield family

    def _family(self) -> GaugeMetricFamily:
        documentation = (
            "Days until a certificate for Kafka expires: user.crt is shown, the others are trusted"
        )
        return GaugeMetricFamily("catdog_kafka_certificate_days_left", documentation, labels=["certificate"])

    def _files(self) -> Iterator[Path]:
        try:
            security = self._login().security
        except KafkaSecurityError:  # connecting tells of it
            return
        if security.ca_dir:
            yield from sorted(security.ca_dir.glob("*.crt"))
        if security.certificate_dir:
            yield security.certificate_dir / "user.crt"
