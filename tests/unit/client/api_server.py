"""An API server of a few canned answers, for what the client makes of them."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

Answer = tuple[int, Any]


class ApiServer:
    """Answers by method and path; each request is kept with its body."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.requests: list[tuple[str, Any]] = []
        self.queries: list[str] = []

    def answer(self, request: str) -> Answer:
        """Return status and body of what is asked for, as `GET /path`."""
        return self.answers.get(request, (404, refusal(404, f"the server could not find {request}")))


def refusal(code: int, message: str) -> dict[str, Any]:
    """Return a Status as the API server says no."""
    return {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code}


@contextmanager
def running(server: ApiServer, kubeconfig: Path) -> Iterator[None]:
    """Run it on a free port of this host, and write a kubeconfig that leads there."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_PATCH(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            request = f"{self.command} {urlsplit(self.path).path}"
            length = int(self.headers.get("Content-Length") or 0)
            server.queries.append(urlsplit(self.path).query)
            server.requests.append((request, json.loads(self.rfile.read(length)) if length else None))
            status, body = server.answer(request)
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
        _write_kubeconfig(kubeconfig, f"http://127.0.0.1:{http.server_address[1]}")
        yield
        http.shutdown()


def _write_kubeconfig(path: Path, server: str) -> None:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u", "namespace": "kafka"}}],
        "current-context": "x",
    }
    path.write_text(yaml.safe_dump(config))
