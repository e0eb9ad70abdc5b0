"""The reference of metrics has what workers, trainings and the operator show, and nothing else."""

import re
from pathlib import Path
from typing import get_args

import pytest
from prometheus_client import generate_latest

from catdog_common.kafka_binding import KafkaLogin
from catdog_common.kafka_security import KafkaSecurity
from catdog_common.training import Progress, Stage
from catdog_inference.certificates import Certificates
from catdog_operator.metrics import Metrics
from catdog_operator.states import count_phases, see_conditions
from catdog_trainer.metrics import Metrics as TrainingMetrics
from tests.reference import METRICS, asked_metrics, documented_metrics, shown_metrics, table_rows
from tests.tiny_version import picture
from tests.unit.common.test_kafka_security import write_pair
from tests.unit.inference.conftest import Serving
from tests.unit.inference.fake_broker import FakeBroker
from tests.unit.operator.test_metrics import DATA_FAILURE, try_once
from tests.unit.operator.world import JOB, World

WORKERS, TRAININGS, OPERATOR = "Workers", "Trainings", "The operator"


async def test_a_worker_shows_what_the_reference_says(serving: Serving, tmp_path: Path) -> None:
    broker = FakeBroker()
    write_pair(tmp_path, "user")
    login = KafkaLogin("kafka:9093", KafkaSecurity(tmp_path, tmp_path))
    broker.put(picture("red"))
    broker.put(b"no image")
    async with serving(broker) as worker:
        worker.metrics.registry.register(Certificates(lambda: login))
        worker.metrics.model_version.labels("pets").set(1)
        await broker.all_committed()
        page = generate_latest(worker.metrics.registry).decode()
    assert shown_metrics(page) == documented_metrics(WORKERS)


def test_a_training_shows_what_the_reference_says() -> None:
    metrics = TrainingMetrics("pets", "0123456789")
    metrics.show(Progress("Features", photos=1, total_photos=2, photos_per_second=3))
    metrics.show(
        Progress("Epochs", 1, 2, 0.2, 0.9, 0.3, 0.8, estimated_completion_time="2026-01-02T03:04:05Z")
    )
    page = generate_latest(metrics.registry).decode()
    assert shown_metrics(page) == documented_metrics(TRAININGS)
    stages = next(row for row in table_rows(METRICS, TRAININGS) if "training_stage" in row[0])[-1]
    assert set(re.findall("`([A-Z][a-z]+)`", stages)) == set(get_args(Stage))


async def test_the_operator_shows_what_the_reference_says() -> None:
    metrics = Metrics()
    world = World(metrics)
    metrics.show_models(lambda: count_phases(world.store))
    metrics.show_conditions(lambda: see_conditions(world.store))
    metrics.show_queue(lambda: 0)
    metrics.note_request("get", "200")
    world.api.put_model()
    await world.reconcile()
    world.end_training(JOB, 65, DATA_FAILURE)
    await world.reconcile()
    await try_once(world, metrics)
    page = generate_latest(metrics.registry).decode()
    assert shown_metrics(page) == documented_metrics(OPERATOR)


def test_the_queries_of_the_reference_are_of_metrics_that_it_has() -> None:
    assert asked_metrics()
    sections = (WORKERS, TRAININGS, OPERATOR)
    assert asked_metrics() <= {name for section in sections for name in documented_metrics(section)}


@pytest.mark.parametrize(
    ("there", "instead"),
    [
        ("`catdog_batch_size` | histogram", "`catdog_batch_size` | gauge"),
        ("`label` | pictures", "| pictures"),
    ],
)
def test_a_mistake_in_the_reference_would_show(tmp_path: Path, there: str, instead: str) -> None:
    page = tmp_path / "metrics.md"
    assert there in METRICS.read_text()
    page.write_text(METRICS.read_text().replace(there, instead))
    assert documented_metrics(WORKERS, page) != documented_metrics(WORKERS)
