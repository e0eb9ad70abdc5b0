"""The pages of metrics that worker, shadow, training and operator show, with a sample of each metric."""

from pathlib import Path

from prometheus_client import generate_latest

from catdog_common.kafka_binding import KafkaLogin
from catdog_common.kafka_security import KafkaSecurity
from catdog_common.training import Progress
from catdog_inference.certificates import Certificates
from catdog_inference.shadow_metrics import ShadowMetrics
from catdog_operator.metrics import Metrics
from catdog_operator.states import count_phases, see_conditions
from catdog_trainer.metrics import Metrics as TrainingMetrics
from tests.tiny_version import picture
from tests.unit.common.test_kafka_security import write_pair
from tests.unit.inference.conftest import Serving
from tests.unit.inference.fake_broker import FakeBroker
from tests.unit.inference.test_shadow import champion_says, comes_to, shadowing
from tests.unit.operator.test_metrics import DATA_FAILURE, try_once
from tests.unit.operator.world import JOB, World


async def page_of_worker(serving: Serving, directory: Path) -> str:
    """Return the page of a worker that got a picture and something else; `directory` is for certificates."""
    broker = FakeBroker()
    write_pair(directory, "user")
    login = KafkaLogin("kafka:9093", KafkaSecurity(directory, directory))
    broker.put(picture("red"))
    broker.put(b"no image")
    async with serving(broker) as worker:
        worker.metrics.registry.register(Certificates(lambda: login))
        worker.metrics.model_version.labels("pets").set(1)
        await broker.all_committed()
        return generate_latest(worker.metrics.registry).decode()


async def page_of_shadow(serving: Serving) -> str:
    """Return the page of a shadow that got a picture and something else, and heard the champion."""
    broker = FakeBroker()
    async with shadowing(serving, broker) as worker:
        broker.put(picture("red"))
        broker.put(b"no image")
        worker.metrics.model_version.labels("pets").set(1)
        await broker.all_committed()
        champion_says(broker, 0, "cat")
        await comes_to(worker, "catdog_shadow_agreed_total", champion="7", challenger="1")
        assert isinstance(worker.metrics, ShadowMetrics)
        worker.metrics.unmatched.labels("champion").inc()
        return generate_latest(worker.metrics.registry).decode()


def page_of_training() -> str:
    """Return the page of a training that is past its first epoch."""
    metrics = TrainingMetrics("pets", "0123456789")
    metrics.show(Progress("Features", photos=1, total_photos=2, photos_per_second=3))
    metrics.show(
        Progress("Epochs", 1, 2, 0.2, 0.9, 0.3, 0.8, estimated_completion_time="2026-01-02T03:04:05Z")
    )
    return generate_latest(metrics.registry).decode()


async def page_of_operator() -> str:
    """Return the page of an operator that saw a training fail."""
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
    return generate_latest(metrics.registry).decode()
