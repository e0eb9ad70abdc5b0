"""The worker's process: reads the environment, loads the model, owns threads and signals."""

import asyncio
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import structlog

from catdog_common.artifact import TRUNK_FILE, VersionDamagedError, version_dir
from catdog_common.environment import read_environment
from catdog_common.logs import configure_logging
from catdog_common.predictor import Predictor
from catdog_common.processors import available_processors
from catdog_inference.certificates import Certificates
from catdog_inference.classify import Classifier
from catdog_inference.comparison import Comparison
from catdog_inference.config import Config
from catdog_inference.health import Health, serve_http
from catdog_inference.kafka import new_consumer, new_listener, new_producer
from catdog_inference.metrics import Metrics
from catdog_inference.reports import Reports, VersionFiles
from catdog_inference.service import InferenceService
from catdog_inference.shadow import Shadow
from catdog_inference.shadow_metrics import ShadowMetrics

# Of the pod's grace period; the rest is for leaving the group and closing connections.
DRAIN_SECONDS = 40.0

# Of the network; where there are more processors, several work on one image. In int8 a copy takes 14 MB for a
# file of 5 (measured), in float32 59 MB for a file of 24: of these there are fewer.
MOST_COPIES = 8
MOST_TRUNK_BYTES = 64 * 2**20

log = structlog.get_logger()


def main() -> None:
    """Run the worker until a signal ends it."""
    configure_logging()
    try:
        config = read_environment(Config, os.environ)
        asyncio.run(run(config))
    except (ValueError, VersionDamagedError) as error:
        log.error("the worker can't start", error=str(error))  # noqa: TRY400  the message says it all
        sys.exit(1)


async def run(config: Config) -> None:
    """Serve one version of one model until SIGTERM or SIGINT; then drain.

    Raises:
        VersionDamagedError: the version on the claim is not what was published.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    health, (metrics, shadow) = Health(), new_shadow(config)
    metrics.registry.register(Certificates(config.kafka_login))
    processors = available_processors()
    with ThreadPoolExecutor(processors, "compute") as computing:
        reports = Reports(VersionFiles(config.storage, config.model_name))
        async with serve_http(health, metrics, reports, config.http_port):
            predictor = await asyncio.to_thread(load_predictor, config, processors)
            health.model_loaded = True
            metrics.model_version.labels(config.model_name).set(config.model_version)
            log.info("model loaded", model=config.model_name, version=config.model_version)
            classifier = Classifier(
                predictor,
                max_image_bytes=config.max_image_bytes,
                computing=computing,
                metrics=metrics,
                health=health,
            )
            service = InferenceService(
                config,
                new_consumer=partial(new_consumer, config),
                new_producer=partial(new_producer, config),
                classifier=classifier,
                health=health,
                metrics=metrics,
                shadow=shadow,
            )
            await drain(asyncio.create_task(service.run(stop)), stop)


def new_shadow(config: Config) -> tuple[Metrics, Shadow | None]:
    """Return a worker's metrics, or a shadow's and what makes it one, as the configuration says."""
    if config.champion_topic is None:
        return Metrics(), None
    metrics = ShadowMetrics()
    comparison = Comparison(config.model_version, metrics)
    return metrics, Shadow(
        comparison,
        partial(new_listener, config, config.champion_topic),
        model_name=config.model_name,
        input_topic=config.input_topic,
    )


def trunk_copies(trunk: Path, processors: int) -> int:
    """Return how many copies of a trunk to load: one a processor, while all have room.

    Raises:
        VersionDamagedError: there is no such file.
    """
    try:
        return max(1, min(processors, MOST_COPIES, MOST_TRUNK_BYTES // max(1, trunk.stat().st_size)))
    except OSError as error:
        raise VersionDamagedError(f"{trunk}: {error}") from error


def load_predictor(config: Config, processors: int) -> Predictor:
    """Return the predictor of the version that is to be served, checked and warmed up, a copy a processor.

    Raises:
        VersionDamagedError: the version on the claim is not what was published.
    """
    directory = version_dir(config.storage, config.model_name, config.model_version)
    copies = trunk_copies(directory / TRUNK_FILE, processors)
    predictor = Predictor.load(directory, threads=processors // copies, copies=copies)
    side = predictor.image_size
    predictor.predict([np.zeros((side, side, 3), np.uint8)] * copies)  # by turns
    return predictor


async def drain(serving: asyncio.Task[None], stop: asyncio.Event) -> None:
    """Await the service; once it is to stop, for so long as a pod's grace period allows."""
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    try:
        async with asyncio.timeout(DRAIN_SECONDS if stop.is_set() else None):
            await serving
    except TimeoutError:
        log.warning("the batch in flight was not answered in time; its records will be answered again")


if __name__ == "__main__":
    main()
