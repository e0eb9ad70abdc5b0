"""A browser without script, in front of the console."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from starlette.testclient import TestClient

from catdog_console.app import create_app
from catdog_console.config import Config
from catdog_console.parts import Parts
from tests.unit.console.builders import pets, some_parts

Opening = Callable[..., TestClient]


@pytest.fixture
def parts() -> Parts:
    """Give a console of the model `pets`."""
    return some_parts(pets())


@pytest.fixture
def opening() -> Iterator[Opening]:
    """Give a function that opens a console."""
    with ExitStack() as stack:

        def open_console(parts: Parts) -> TestClient:
            app = create_app(Config(namespaces=("kafka",)), parts)
            client = TestClient(app, base_url="http://localhost", raise_server_exceptions=False)
            return stack.enter_context(client)

        yield open_console


@pytest.fixture
def browser(opening: Opening, parts: Parts) -> TestClient:
    return opening(parts)
