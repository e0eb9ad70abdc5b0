"""Lanes: tests on clusters run side by side, each worker of pytest-xdist on clusters of its own."""

import os

from tests.cluster.cache import default_cache
from tests.cluster.instance import Instance, lanes_of

_NAME = os.environ.get("CATDOG_TEST_INSTANCE", "test")


def instance_name() -> str:
    """Return the name of this lane's cluster."""
    lane = os.environ.get("PYTEST_XDIST_WORKER")
    return f"{_NAME}-{lane}" if lane else _NAME


def clusters_of_the_run() -> list[Instance]:
    """Return the clusters that the tests have left up, of all lanes."""
    return [each for each in lanes_of(_NAME, default_cache()) if each.is_running]
