"""What a worker counts and measures, for Prometheus."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter, time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from catdog_common.messages import NO_TIMESTAMP

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_LATENCIES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
PROBABILITIES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999, 1.0)


class Metrics:
    """The worker's metrics, in a registry of their own; their names begin with `prefix`."""

    def __init__(self, prefix: str = "catdog", rejected: str = "dead_letters") -> None:
        self.prefix = prefix
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.answers = self._counter("answers", "Images answered, and acknowledged by Kafka", ["label"])
        self.dead_letters = self._counter(rejected, "Records that are no image to us", ["reason"])
        self.connection_failures = self._counter("connection_failures", "Times that Kafka failed us", [])
        self.produce_failures = self._counter("produce_failures", "Times that answers were refused", [])
        self.batch_size = Histogram(
            f"{prefix}_batch_size", "Records in a batch", buckets=_BATCHES, registry=self.registry
        )
        self._stages = Histogram(
            f"{prefix}_stage_seconds",
            "Time that a batch spent in a stage",
            ["stage"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.model_version = Gauge(
            f"{prefix}_model_version", "The version that serves", ["model"], registry=self.registry
        )

        self._latency = Histogram(
            f"{prefix}_latency_seconds",
            "Time from a record's time stamp to the acknowledgement of its answer or dead letter",
            buckets=_LATENCIES,
            registry=self.registry,
        )
        self.confidence = Histogram(
            f"{prefix}_confidence",
            "The highest probability of an answer (of unknown: what it would be, were it a cat or a dog)",
            ["label"],
            buckets=PROBABILITIES,
            registry=self.registry,
        )

    def acknowledged(self, timestamp: int) -> None:
        """Note how old a record is, by its time stamp (ms since the epoch), whose outcome is acknowledged.

        The producer's clock, or the broker's, may be ahead of ours: that counts as no time at all.
        """
        if timestamp != NO_TIMESTAMP:
            self._latency.observe(max(0.0, time() - timestamp / 1000))

    def show_in_flight(self, records: Callable[[], int], size: Callable[[], int]) -> None:
        """Show what is taken and not committed, and its bytes, whenever somebody looks."""
        for name, documentation, function in (
            ("records", "Records that are taken and not committed", records),
            ("bytes", "Bytes of those that are not answered yet", size),
        ):
            gauge = Gauge(f"{self.prefix}_in_flight_{name}", documentation, registry=self.registry)
            gauge.set_function(function)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure what a batch spends in a stage, unless it fails."""
        start = perf_counter()
        yield
        self._stages.labels(name).observe(perf_counter() - start)

    def _counter(self, name: str, documentation: str, labels: list[str]) -> Counter:
        return Counter(f"{self.prefix}_{name}", documentation, labels, registry=self.registry)
