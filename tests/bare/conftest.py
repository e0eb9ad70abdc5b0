"""The API server without a node that the tests of a module share."""

from collections.abc import Iterator

import pytest

from tests.cluster.instance import down
from tests.lanes import instance_name

INSTANCE = f"{instance_name()}-bare"


@pytest.fixture(scope="module")
def bare() -> Iterator[str]:
    """Return the name of an API server that is not up yet, and take it away after the module."""
    down(INSTANCE)
    yield INSTANCE
    down(INSTANCE)
