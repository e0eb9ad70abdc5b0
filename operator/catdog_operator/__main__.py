"""Runs the operator: owns its configuration, its connection, its tasks and its end."""

import asyncio
import gc
import logging
import os
import sys
from collections.abc import Callable
from functools import partial

import kopf
from kubernetes.aio import client, config
from kubernetes.aio.dynamic import DynamicClient

from catdog_operator.api import Api, RefusedError, UnavailableError
from catdog_operator.cluster import Cluster, Kinds
from catdog_operator.config import Config, read_config, read_images
from catdog_operator.delay_queue import DelayQueue
from catdog_operator.handlers import build_registry, build_settings, set_at_end
from catdog_operator.kinds import Kind
from catdog_operator.manifests.common import OPERATOR
from catdog_operator.metrics import Metrics, serve_metrics
from catdog_operator.observed import Images, Retry, Surroundings
from catdog_operator.reconcile import Reconciler
from catdog_operator.states import count_phases, see_conditions
from catdog_operator.store import Key, Store

logger = logging.getLogger(__name__)

LOOK_SECONDS = 10.0  # between two looks for kinds that cannot be read yet
QUIET_LOOK_SECONDS = 60.0  # between two looks whether all kinds can be read still
OPENSHIFT_GROUP = "security.openshift.io"


async def run(settings: Config, images: Images) -> None:
    """Run until a signal ends it."""
    async with await _connect() as api_client:
        metrics = Metrics()
        dynamic = DynamicClient(api_client)  # type: ignore[no-untyped-call]
        api = Api(dynamic, namespaces=settings.namespaces, note_request=metrics.note_request)
        openshift = await api.has_group(OPENSHIFT_GROUP)
        retry = Retry(settings.retry_seconds, settings.longest_retry_seconds)
        surroundings = Surroundings(images, openshift, retry, settings.parallel_rollouts, settings.namespaces)
        store, queue = Store(), DelayQueue[Key]()
        cluster = Cluster(api, store, surroundings, metrics)
        reconciler = Reconciler(cluster, queue, metrics)
        metrics.show_queue(queue.overdue)
        metrics.show_models(partial(count_phases, store))
        metrics.show_conditions(partial(see_conditions, store))
        tasks = [asyncio.create_task(reconciler.work()) for _ in range(settings.workers)]
        tasks.append(asyncio.create_task(reconciler.resync()))
        try:
            registry = partial(build_registry, store, queue, reconciler)
            async with serve_metrics(metrics, settings.metrics_port):
                await _watch(settings, cluster, reconciler, registry)
        finally:
            await _cancel(*tasks)


async def _watch(
    settings: Config,
    cluster: Cluster,
    reconciler: Reconciler,
    new_registry: Callable[[frozenset[Kind]], kopf.OperatorRegistry],
) -> None:
    """Watch all kinds that can be read until a signal comes; begin anew when these become others.

    kopf looks for a new kind when its CRD is established, which can be before the kind is served, and then
    never again (seen with kopf 1.45).
    """
    await cluster.look_at_kinds()
    while True:
        known, end = cluster.kinds, asyncio.Event()
        await reconciler.begin()
        beside = (reconciler.await_watches(), _await_other_kinds(cluster, known, end))
        tasks = [asyncio.create_task(each) for each in beside]
        registry = new_registry(known.unreadable)
        set_at_end(registry, end)
        await kopf.operator(
            registry=registry,
            settings=build_settings(clusterwide=not settings.namespaces),
            clusterwide=not settings.namespaces,
            namespaces=settings.namespaces,
            liveness_endpoint=f"http://0.0.0.0:{settings.http_port}/healthz",
            stop_flag=end,
            # kopf's own would be the user's name, which a user id that no one has named has not.
            identity=OPERATOR,  # type: ignore[arg-type]
        )
        await _cancel(*tasks)
        if cluster.kinds == known:
            return


async def _await_other_kinds(cluster: Cluster, known: Kinds, end: asyncio.Event) -> None:
    while cluster.kinds == known:
        await asyncio.sleep(LOOK_SECONDS if known.unreadable else QUIET_LOOK_SECONDS)
        try:
            await cluster.look_at_kinds()
        except (RefusedError, UnavailableError) as error:
            logger.warning("the API server did not tell its kinds", extra={"error": str(error)})
    end.set()


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
    gc.freeze()  # what was imported stays: the collector need not look through it again and again
    asyncio.run(run(settings, images))


if __name__ == "__main__":
    main()
