"""The tests' cluster without its operator: each test here runs one of its own, behind a proxy."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.cluster.instance import Instance
from tests.cluster.operator_process import deployment_scaled_down
from tests.cluster.strimzi.kube import Kube, connect, read_kubeconfig
from tests.e2e.faults.kills import Undisturbed, live_undisturbed
from tests.e2e.faults.world import World, seen_by


@pytest.fixture(scope="package")
def bare_cluster(cluster: Instance) -> Iterator[Instance]:
    """Return the tests' cluster while its own operator stands still."""
    with deployment_scaled_down(cluster):
        yield cluster


@pytest.fixture(scope="package")
def undisturbed(bare_cluster: Instance, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """Return a whole life with real trainings, in which nothing happened to the operator."""
    return asyncio.run(live_undisturbed(bare_cluster, tmp_path_factory.mktemp("undisturbed")))


@pytest_asyncio.fixture
async def kube(bare_cluster: Instance) -> AsyncIterator[Kube]:
    """Return a connection to the API server as its administrator."""
    async with connect(read_kubeconfig(bare_cluster.kubeconfig)) as connected:
        yield connected


@pytest_asyncio.fixture
async def world(kube: Kube) -> AsyncIterator[World]:
    """Return what there is, as it changes."""
    async with seen_by(kube) as seen:
        yield seen
