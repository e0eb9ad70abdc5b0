"""Runs the operator: owns its configuration, its connection, its tasks and its end."""

import asyncio
import logging
import os
import sys
from collections.abc import Callable
from functools import partial

import kopf
from kubernetes.aio import client, config
from kubernetes.aio.dynamic import DynamicClient

from catdog_operator.api import Api, RefusedError, UnavailableError
from catdog_operator.cluster import Cluster
from catdog_operator.config import Config, read_config, read_images
from catdog_operator.delay_queue import DelayQueue
from catdog_operator.handlers import build_registry, build_settings
from catdog_operator.manifests.common import OPERATOR
from catdog_operator.metrics import Metrics, serve_metrics
from catdog_operator.observed import Images, Retry, Surroundings
from catdog_operator.reconcile import Reconciler
from catdog_operator.store import Key, Store

logger = logging.getLogger(__name__)

LOOK_SECONDS = 10.0  # between two looks for kinds that the cluster does not serve
OPENSHIFT_GROUP = "security.openshift.io"


async def run(settings: Config, images: Images) -> None:
    """Run until a signal ends it."""
    async with await _connect() as api_client:
        metrics = Metrics()
        dynamic = DynamicClient(api_client)  # type: ignore[no-untyped-call]
        api = Api(dynamic, namespaces=settings.namespaces, note_request=metrics.note_request)
        openshift = await api.has_group(OPENSHIFT_GROUP)
        retry = Retry(settings.retry_seconds, settings.longest_retry_seconds)
        surroundings = Surroundings(images, openshift, retry, settings.parallel_rollouts)
        store, queue = Store(), DelayQueue[Key]()
        cluster = Cluster(api, store, surroundings, metrics)
        reconciler = Reconciler(cluster, queue, metrics)
        metrics.show_queue(queue.overdue)
        metrics.show_models(cluster.phases)
        await cluster.find_missing()
        tasks = [asyncio.create_task(reconciler.work()) for _ in range(settings.workers)]
        tasks.append(asyncio.create_task(reconciler.resync()))
        try:
            registry = partial(build_registry, store, queue, reconciler.note_gap)
            async with serve_metrics(metrics, settings.metrics_port):
                await _watch(settings, cluster, reconciler, registry)
        finally:
            await _cancel(*tasks)


async def _watch(
    settings: Config,
    cluster: Cluster,
    reconciler: Reconciler,
    new_registry: Callable[[], kopf.OperatorRegistry],
) -> None:
    """Watch all kinds until a signal comes; begin anew when one appears that was missing.

    kopf looks for a new kind when its CRD is established, which can be before the kind is served, and then
    never again (seen with kopf 1.45).
    """
    appeared = asyncio.Event()
    while True:
        appeared.clear()
        await reconciler.begin()
        looking = asyncio.create_task(_await_missing(cluster, appeared))
        await kopf.operator(
            registry=new_registry(),
            settings=build_settings(clusterwide=not settings.namespaces),
            clusterwide=not settings.namespaces,
            namespaces=settings.namespaces,
            liveness_endpoint=f"http://0.0.0.0:{settings.http_port}/healthz",
            stop_flag=appeared,
            # kopf's own would be the user's name, which a user id that no one has named has not.
            identity=OPERATOR,  # type: ignore[arg-type]
        )
        await _cancel(looking)
        if not appeared.is_set():
            return


async def _await_missing(cluster: Cluster, appeared: asyncio.Event) -> None:
    missing = await cluster.find_missing()
    while missing:
        await asyncio.sleep(LOOK_SECONDS)
        try:
            now_missing = await cluster.find_missing()
        except (RefusedError, UnavailableError) as error:
            logger.warning("the API server did not tell its kinds", extra={"error": str(error)})
            continue
        if missing - now_missing:
            appeared.set()
            return


async def _cancel(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _connect() -> client.ApiClient:
    configuration = client.Configuration()
    try:
        config.load_incluster_config(configuration)  # type: ignore[no-untyped-call]
    except config.ConfigException:
        await config.load_kube_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
    return client.ApiClient(configuration)


def main() -> None:
    """Run the operator as its environment says."""
    kopf.configure(log_format=kopf.LogFormat.JSON)
    for name in ("kopf.objects", "aiohttp.access"):  # else a line for every event, and for every probe
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        settings, images = read_config(os.environ), read_images(os.environ)
    except ValueError as error:
        sys.exit(str(error))
    asyncio.run(run(settings, images))


if __name__ == "__main__":
    main()
