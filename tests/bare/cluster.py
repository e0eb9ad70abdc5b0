"""An API server without a node, with the operator's rights, a stand-in for all else, and a fleet."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from tests.bare.fleet import Fleet, make_namespaces
from tests.bare.stand_in import StandIn
from tests.cluster.instance import Instance, up_api_server
from tests.cluster.operator_process import install_rights
from tests.cluster.strimzi.kube import Kube, connect, read_kubeconfig


@asynccontextmanager
async def bare_cluster(
    name: str, namespaces: Sequence[str], older_versions: int = 0
) -> AsyncIterator[tuple[Instance, Kube, Fleet]]:
    """Give an API server with the operator's rights, the stand-in, and a fleet of no models yet."""
    cluster = await asyncio.to_thread(up_api_server, name)
    await asyncio.to_thread(install_rights, cluster)
    async with connect(read_kubeconfig(cluster.kubeconfig)) as kube:
        await make_namespaces(cluster, kube, namespaces)
        fleet = Fleet(kube, namespaces)
        tasks = [asyncio.create_task(each) for each in (StandIn(kube, older_versions).run(), fleet.follow())]
        try:
            yield cluster, kube, fleet
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
