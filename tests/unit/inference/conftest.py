import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from catdog_common.artifact import UnknownRule, version_dir
from catdog_common.environment import read_environment
from catdog_common.predictor import Predictor
from catdog_inference.classify import Classifier
from catdog_inference.config import Config
from catdog_inference.health import Health
from catdog_inference.metrics import Metrics
from catdog_inference.service import InferenceService
from catdog_inference.shadow import Shadow
from tests.tiny_version import publish_tiny_version
from tests.unit.inference.fake_broker import FakeBroker

ENVIRONMENT = {
    "CATDOG_MODEL_NAME": "pets",
    "CATDOG_MODEL_NAMESPACE": "kafka",
    "CATDOG_MODEL_VERSION": "1",
    "CATDOG_STORAGE_DIR": "/models",
    "CATDOG_KAFKA_CLUSTER": "kafka/my-cluster",
    "CATDOG_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",  # nobody listens there
    "CATDOG_KAFKA_CA_DIR": "/etc/catdog/kafka-ca",
    "CATDOG_KAFKA_USER_DIR": "/etc/catdog/kafka-user",
    "CATDOG_KAFKA_CONSUMER_GROUP": "catdog.kafka.pets",
    "CATDOG_KAFKA_START_FROM": "earliest",
    "CATDOG_INPUT_TOPIC": "pets-images",
    "CATDOG_OUTPUT_TOPIC": "pets-predictions",
    "CATDOG_DEAD_LETTER_TOPIC": "pets-dead-letters",
    "CATDOG_MAX_IMAGE_BYTES": "100000",
    "CATDOG_MAX_BATCH_SIZE": "8",
    "CATDOG_MAX_BATCH_DELAY_MILLISECONDS": "1",
    "CATDOG_HTTP_PORT": "8080",
}


@dataclass
class Worker:
    """A service that runs against a fake broker."""

    broker: FakeBroker
    health: Health
    metrics: Metrics
    stop: asyncio.Event
    task: asyncio.Task[None]

    def sample(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels) or 0.0


Serving = Callable[..., AbstractAsyncContextManager[Worker]]


@pytest.fixture
def environment() -> dict[str, str]:
    return dict(ENVIRONMENT)


@pytest.fixture
def unknown() -> UnknownRule | None:
    """Return the version's rule for `unknown`; a test may parametrise it."""
    return None


@pytest.fixture
def serving(tmp_path: Path, environment: dict[str, str], unknown: UnknownRule | None) -> Serving:
    """Return a context in which a worker with the real predictor serves; at its end it must stop."""
    publish_tiny_version(tmp_path, unknown=unknown)
    predictor = Predictor.load(version_dir(tmp_path, "pets", 1), threads=1, copies=2)

    @asynccontextmanager
    async def run(
        broker: FakeBroker,
        revocation_seconds: float = 5.0,
        calm_seconds: float = 5.0,
        connect_seconds: float = 5.0,
        join_seconds: float = 5.0,
        metrics: Metrics | None = None,
        shadow: Shadow | None = None,
        **changes: Any,  # noqa: ANN401  fields of Config
    ) -> AsyncIterator[Worker]:
        config = msgspec.structs.replace(read_environment(Config, environment), **changes)
        health, metrics, stop = Health(), metrics or Metrics(), asyncio.Event()
        with ThreadPoolExecutor(2) as computing:
            service = InferenceService(
                config,
                new_consumer=broker.new_consumer,
                new_producer=broker.new_producer,
                classifier=Classifier(
                    predictor,
                    max_image_bytes=config.max_image_bytes,
                    computing=computing,
                    metrics=metrics,
                    health=health,
                ),
                health=health,
                metrics=metrics,
                shadow=shadow,
                revocation_seconds=revocation_seconds,
                calm_seconds=calm_seconds,
                connect_seconds=connect_seconds,
                join_seconds=join_seconds,
            )
            worker = Worker(broker, health, metrics, stop, asyncio.create_task(service.run(stop)))
            try:
                yield worker
            finally:
                stop.set()
                async with asyncio.timeout(60):
                    await worker.task

    return run
