"""Shows Prometheus how far the training is."""

import socket
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import get_args

import structlog
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from catdog_common.training import Progress, Stage

_logger = structlog.get_logger(__name__)


class Metrics(Collector):
    """What `show` was told last, stage by stage: what a short one came to is seen after it as well."""

    def __init__(self, model: str, training_hash: str) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._model, self._hash = model, training_hash
        self._now = Progress("Starting")
        self._by_stage: dict[Stage, Progress] = {}
        self.registry.register(self)

    def show(self, progress: Progress) -> None:
        """Have the page say this from now on."""
        self._now = progress
        self._by_stage = self._by_stage | {progress.stage: progress}  # another thread may be reading the old

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Say that there is nothing to be known of our names beforehand."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the metrics that have a value."""
        now, by_stage = self._now, self._by_stage
        yield _labelled("info", "The training", ("model", "hash"), [((self._model, self._hash), 1)])
        stages = [((stage,), float(stage == now.stage)) for stage in get_args(Stage)]
        yield _labelled("stage", "Whether the training is in a stage", ("stage",), stages)
        for name, field, documentation in (
            ("photos_done", "photos", "Photos that a stage is done with"),
            ("photos_expected", "total_photos", "Photos of a stage"),
            ("photos_per_second", "photos_per_second", "Photos that a stage does in a second"),
        ):
            values = [((stage,), getattr(progress, field)) for stage, progress in by_stage.items()]
            yield _labelled(name, documentation, ("stage",), values)
        yield from _of_epochs(by_stage.get("Epochs", Progress("Epochs")))
        if (end := now.estimated_completion_time) is not None:
            time = datetime.fromisoformat(end).timestamp()
            name = "estimated_completion_timestamp_seconds"
            yield _labelled(name, "When the training is expected to be done", (), [((), time)])


def serve_metrics(metrics: Metrics, port: int) -> None:
    """Answer `/metrics` from a thread, as long as the process lives; a training goes on without it."""
    address = "::" if socket.has_dualstack_ipv6() else "0.0.0.0"  # noqa: S104 - Prometheus comes from outside
    try:
        start_http_server(port, address, metrics.registry)
    except OSError as error:
        _logger.warning("metrics are not shown", port=port, error=str(error))


def _of_epochs(progress: Progress) -> Iterator[GaugeMetricFamily]:
    yield _labelled("epoch", "The last epoch that is done", (), [((), progress.epoch)])
    yield _labelled("epochs", "Epochs to do at most", (), [((), progress.epochs)])
    losses = [(("training",), progress.loss), (("validation",), progress.val_loss)]
    yield _labelled("loss", "Mean log-loss of the last epoch, in nats", ("split",), losses)
    accuracies = [(("training",), progress.accuracy), (("validation",), progress.val_accuracy)]
    yield _labelled(
        "accuracy", "Fraction of photos that are right, in the last epoch", ("split",), accuracies
    )


def _labelled(
    name: str,
    documentation: str,
    labels: tuple[str, ...],
    values: Iterable[tuple[tuple[str, ...], float | None]],
) -> GaugeMetricFamily:
    """Return a gauge with a sample for each value that is known."""
    family = GaugeMetricFamily(f"catdog_training_{name}", documentation, labels=labels)
    for of, value in values:
        if value is not None:
            family.add_metric(of, value)
    return family
