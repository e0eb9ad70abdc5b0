"""What a shadow counts, for Prometheus: its work, and how its answers compare with the champion's."""

from prometheus_client import Counter, Histogram

from catdog_inference.metrics import PROBABILITIES, Metrics


class ShadowMetrics(Metrics):
    """A worker's metrics under other names, so that no query of what serves counts a shadow in; and more."""

    def __init__(self) -> None:
        super().__init__(prefix="catdog_shadow", rejected="unreadable")
        pair = ["champion", "challenger"]
        self._compared = self._counter("compared", "Records that both versions have answered", pair)
        self._agreed = self._counter("agreed", "Of these, those with the same label", pair)
        self.unmatched = self._counter(
            "unmatched", "Records that one of the two has answered, and the other not in time", ["missing"]
        )
        self.skipped: Counter = self._counter("skipped", "Records left out, as too many lay before us", [])
        self._compared_confidence = Histogram(
            "catdog_shadow_compared_confidence",
            "The highest probability of an answer, of the records that both versions have answered",
            ["role", "version"],
            buckets=PROBABILITIES,
            registry=self.registry,
        )

    def compared(self, champion: int, challenger: int, *, agreed: bool) -> None:
        """Note a record that both versions have answered."""
        pair = (str(champion), str(challenger))
        self._compared.labels(*pair).inc()
        self._agreed.labels(*pair).inc(int(agreed))

    def sure(self, role: str, version: int, confidence: float) -> None:
        """Note how sure a version was of its answer to such a record."""
        self._compared_confidence.labels(role, str(version)).observe(confidence)
