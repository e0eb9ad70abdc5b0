"""A person who runs commands, and the model `pets` that they are about."""

from typing import Any

import pytest

from catdog_client.__main__ import main
from tests.unit.client.builders import SERVING

MODELS = "/apis/catdog.dev/v1alpha1/namespaces/kafka/catdogmodels"
PETS = f"{MODELS}/pets"


def body(spec: dict[str, Any] | None = None, **status: Any) -> dict[str, Any]:  # noqa: ANN401 - a status
    metadata = {
        "name": "pets",
        "namespace": "kafka",
        "generation": 4,
        "resourceVersion": "7",
        "managedFields": [],
    }
    return {
        "apiVersion": "catdog.dev/v1alpha1",
        "kind": "CatDogModel",
        "metadata": metadata,
        "spec": spec or {"training": {"revision": "first"}},
        "status": {**SERVING, **status},
    }


class Person:
    """Runs commands; what they print stands in `out` and `err`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys
        self.out = self.err = ""

    def run(self, *arguments: str, program: str = "catdog") -> int:
        """Run a command to its end; return its exit code."""
        self._monkeypatch.setattr("sys.argv", [program, *arguments])
        try:
            main()
        except SystemExit as error:
            code = error.code
        self.out, self.err = self._capsys.readouterr()
        assert isinstance(code, int)
        return code
