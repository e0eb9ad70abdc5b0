from starlette.testclient import TestClient

from catdog_console.app import create_app
from catdog_console.config import Config


def test_the_console_says_that_it_lives() -> None:
    with TestClient(create_app(Config(namespaces=("kafka",)))) as client:
        assert client.get("/healthz").text == "ok"
