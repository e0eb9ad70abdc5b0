"""The console's process: reads the environment and serves until a signal ends it."""

import asyncio
import os
import sys
from functools import partial

import aiohttp
import structlog
import uvicorn

from catdog_client.cluster.kubeconfig import Where
from catdog_client.cluster.models import Models, connect
from catdog_common.environment import read_environment
from catdog_common.logs import configure_logging
from catdog_console.app import create_app
from catdog_console.cluster import Cluster, watching
from catdog_console.config import Config
from catdog_console.parts import Parts
from catdog_console.predictors import Predictors
from catdog_console.reports import Reports
from catdog_console.traffic import Traffic
from catdog_console.workers import find_workers

log = structlog.get_logger()

_LAST_SECONDS = 5  # for what is under way when a signal comes


def main() -> None:
    """Run the console until SIGTERM or SIGINT."""
    configure_logging()
    try:
        config = read_environment(Config, os.environ)
    except ValueError as error:
        log.error("the console can't start", error=str(error))  # noqa: TRY400  the message says it all
        sys.exit(1)
    asyncio.run(serve(config))


async def serve(config: Config) -> None:
    """Serve until a signal ends it."""
    cluster = Cluster(config.namespaces)
    async with aiohttp.ClientSession() as session, Traffic(config.kafka_login) as traffic:
        reports = Reports(session, partial(find_workers, connect_to))
        parts = Parts(cluster, reports, traffic, Predictors(), config.kafka_login)
        settings = uvicorn.Config(
            create_app(config, parts),
            host=config.host,
            port=config.port,
            server_header=False,
            access_log=False,
            log_config=None,
            timeout_graceful_shutdown=_LAST_SECONDS,
        )
        with watching(cluster, connect_to):
            await uvicorn.Server(settings).serve()


def connect_to(namespace: str) -> Models:
    """Return the models of a namespace, by a kubeconfig or by the pod's account.

    Raises:
        ClientError: there is neither.
    """
    return connect(Where(namespace=namespace))


if __name__ == "__main__":
    main()
