"""The console as a process: an API server of canned answers, no Kafka, and a signal."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer

from tests.cluster.operator_process import free_port
from tests.unit.client.api_server import ApiServer, running
from tests.unit.client.person import MODELS
from tests.unit.console.builders import pets

PATIENCE_SECONDS = 60.0


@contextmanager
def console(**variables: str) -> Iterator[subprocess.Popen[str]]:
    """Run it; what does not come to an end is killed, and fails the test."""
    command = [sys.executable, "-m", "catdog_console"]
    environment = {**os.environ, **variables}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        watchdog = Timer(PATIENCE_SECONDS, process.kill)
        watchdog.start()
        try:
            yield process
        finally:
            watchdog.cancel()
            process.kill()


def follow(url: str) -> Iterator[str]:
    """Yield the HTML that an open page is sent."""
    with urllib.request.urlopen(url, timeout=PATIENCE_SECONDS) as events:  # noqa: S310  localhost
        for line in events:
            if line.startswith(b"data: "):
                yield json.loads(line.removeprefix(b"data: "))["html"]


def test_it_shows_the_models_tells_pages_of_them_and_ends_by_a_signal(tmp_path: Path) -> None:
    server, port = ApiServer(), free_port()
    listed = {"items": [pets()], "metadata": {"resourceVersion": "7"}}
    server.answers[f"GET {MODELS}"] = (200, listed)
    variables = {
        "CATDOG_NAMESPACES": "kafka",
        "CATDOG_PORT": str(port),
        "KUBECONFIG": str(tmp_path / "kubeconfig"),
    }
    with running(server, tmp_path / "kubeconfig"), console(**variables) as process:
        assert process.stdout is not None
        lines = [json.loads(process.stdout.readline())]
        while "running on" not in lines[-1]["event"]:
            lines.append(json.loads(process.stdout.readline()))
        told = follow(f"http://localhost:{port}/events")
        assert any('href="/models/kafka/pets"' in html for html in told)
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read()
        assert process.wait() in (0, -signal.SIGTERM)
    assert '"error"' not in rest
    assert "Traceback" not in rest


def test_without_namespaces_it_says_what_is_missing_and_ends() -> None:
    with console(CATDOG_NAMESPACES="") as process:
        said = process.communicate()[0]
        assert process.returncode == 1
    assert "CATDOG_NAMESPACES names no namespace" in said
