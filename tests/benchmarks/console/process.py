"""The console as it is, in a process, but told of its model by a file in place of an API server.

    python -m tests.benchmarks.console.process RESOURCE.json WORKER

Its environment is the console's; `WORKER` is the address of the model's worker.
"""

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp
import uvicorn

from catdog_common.environment import read_environment
from catdog_console.app import create_app
from catdog_console.cluster import Cluster, Key
from catdog_console.config import Config
from catdog_console.parts import Parts
from catdog_console.predictors import Predictors
from catdog_console.reports import Reports
from catdog_console.traffic import Traffic


async def serve(config: Config, body: dict[str, Any], worker: str) -> None:
    """Serve until a signal ends it."""
    cluster = Cluster(config.namespaces)
    cluster.note(body["metadata"]["namespace"], {body["metadata"]["name"]: body})

    async def find(_: Key) -> Sequence[str]:
        return [worker]

    async with aiohttp.ClientSession() as session, Traffic(config.kafka_login) as traffic:
        parts = Parts(cluster, Reports(session, find), traffic, Predictors(), config.kafka_login)
        settings = uvicorn.Config(
            create_app(config, parts), host=config.host, port=config.port, access_log=False, log_config=None
        )
        await uvicorn.Server(settings).serve()


if __name__ == "__main__":
    asyncio.run(
        serve(read_environment(Config, os.environ), json.loads(Path(sys.argv[1]).read_bytes()), sys.argv[2])
    )
