import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.cluster.operator_process import free_port


class Console(HTTPServer):
    """Answers as the console does to a name that it knows, and notes what it is asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.asked: list[tuple[str, str]] = []


class Answer(BaseHTTPRequestHandler):
    server: Console

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers["Host"]))
        self.send_response(200 if self.headers["Host"] == "console.example" else 400)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def console() -> Iterator[Console]:
    with Console() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def probe(port: int, hosts: str = "console.example,other.example") -> subprocess.CompletedProcess[str]:
    told = {"CATDOG_PORT": str(port), "CATDOG_HOSTS": hosts, "http_proxy": "http://proxy.example:3128"}
    command = (sys.executable, "-m", "catdog_console.probe")
    return subprocess.run(command, env=os.environ | told, capture_output=True, text=True, check=False)


def test_a_console_that_answers_lives_and_is_asked_by_its_own_name(console: Console) -> None:
    assert probe(console.server_port).returncode == 0
    assert console.asked == [("/healthz", "console.example")]


def test_one_that_answers_with_an_error_does_not(console: Console) -> None:
    assert probe(console.server_port, hosts="other.example").returncode == 1


def test_nor_does_one_that_does_not_answer() -> None:
    port = free_port()
    ended = probe(port)
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"the console does not answer at port {port}:")
