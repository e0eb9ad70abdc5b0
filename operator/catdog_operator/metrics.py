"""What the operator counts and measures, for Prometheus, and the page that shows it."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from catdog_operator.store import Key
from catdog_operator.views import Condition

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """The operator's metrics, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        # settled, refused (a write), unavailable (the API server), failed (a fault of the operator's own)
        self.reconciles = self._counter("reconciles", "Models that were looked at", ["outcome"])
        self.reconcile_seconds = Histogram(
            "catdog_operator_reconcile_seconds",
            "Time to bring a model to what it says, and to report on it",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.training_failures = self._counter("training_failures", "Trainings that failed", ["reason"])
        self.api_requests = self._counter(
            "api_requests", "Requests to the API server, but for those of watches", ["method", "code"]
        )

    def note_request(self, method: str, code: str) -> None:
        """Count a request to the API server; the code is 0 where it did not answer."""
        self.api_requests.labels(method.upper(), code).inc()

    def show_queue(self, length: Callable[[], int]) -> None:
        """Show how many models wait for a worker, whenever somebody looks."""
        gauge = Gauge("catdog_operator_queue_length", "Models that wait for a worker", registry=self.registry)
        gauge.set_function(length)

    def show_models(self, phases: Callable[[], Mapping[str, int]]) -> None:
        """Show how many models there are in each phase, whenever somebody looks."""
        self.registry.register(_ModelsByPhase(phases))

    def show_conditions(self, conditions: Callable[[], Iterable[tuple[Key, Condition]]]) -> None:
        """Show what each model's conditions say, whenever somebody looks."""
        self.registry.register(_ModelConditions(conditions))

    def _counter(self, name: str, documentation: str, labels: list[str]) -> Counter:
        return Counter(f"catdog_operator_{name}", documentation, labels, registry=self.registry)


class _ModelsByPhase(Collector):
    def __init__(self, phases: Callable[[], Mapping[str, int]]) -> None:
        self._phases = phases

    def describe(self) -> Iterable[GaugeMetricFamily]:
        return [GaugeMetricFamily("catdog_operator_models", "Models by phase", labels=["phase"])]

    def collect(self) -> Iterable[GaugeMetricFamily]:
        for family in self.describe():
            for phase, count in self._phases().items():
                family.add_metric([phase], count)
            yield family


class _ModelConditions(Collector):
    """One sample a condition, so that there are six for each model, and seven with a shadow.

    The label is not `namespace`: that is where Prometheus found the operator, and it would prevail.
    """

    def __init__(self, conditions: Callable[[], Iterable[tuple[Key, Condition]]]) -> None:
        self._conditions = conditions

    def describe(self) -> Iterable[GaugeMetricFamily]:
        labels = ["model_namespace", "model", "type", "status", "reason"]
        return [GaugeMetricFamily("catdog_operator_model_condition", "Conditions of models", labels=labels)]

    def collect(self) -> Iterable[GaugeMetricFamily]:
        for family in self.describe():
            for key, each in self._conditions():
                family.add_metric([*key, each.type, each.status, each.reason or ""], 1)
            yield family


@asynccontextmanager
async def serve_metrics(metrics: Metrics, port: int) -> AsyncIterator[None]:
    """Answer `/metrics` while the context lasts.

    Not by the library's own server: that runs in a thread, and what is shown changes in the event loop's.
    """

    async def show(_: web.Request) -> web.Response:
        return web.Response(
            body=generate_latest(metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    app = web.Application()
    app.add_routes([web.get("/metrics", show)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, port=port).start()
        yield
    finally:
        await runner.cleanup()
