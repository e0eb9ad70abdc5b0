"""The API server without a node that the tests of a module share."""

import os
from collections.abc import Iterator

import pytest

from tests.cluster.instance import down

INSTANCE = f"{os.environ.get('CATDOG_TEST_INSTANCE', 'test')}-bare"


@pytest.fixture(scope="module")
def bare() -> Iterator[str]:
    """Return the name of an API server that is not up yet, and take it away after the module."""
    down(INSTANCE)
    yield INSTANCE
    down(INSTANCE)
