"""An API server that has the model `pets`, and a person who runs commands."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.client.api_server import ApiServer, running
from tests.unit.client.person import MODELS, PETS, Person, body


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiServer]:
    """Give an API server that has the model `pets`, and a kubeconfig that leads there."""
    server = ApiServer()
    listed = {"items": [body()], "metadata": {"resourceVersion": "7"}}
    server.answers = {
        f"GET {MODELS}": (200, listed),
        f"GET {PETS}": (200, body()),
        f"PATCH {PETS}": (200, body()),
    }
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    with running(server, tmp_path / "kubeconfig"):
        yield server


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Person:
    return Person(monkeypatch, capsys)
