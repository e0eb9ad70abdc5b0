"""A way to a server that is cut off in the middle of an answer, as often as a test says."""

import socket
import socketserver
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_PIECE_BYTES = 65536


@dataclass
class Cutter:
    """Passes bytes on to a server that it knows nothing of, encrypted as they may be."""

    server: tuple[str, int]
    endpoint: str = ""
    cuts: deque[int] = field(default_factory=deque)  # of each next connection: bytes after which it is cut

    def pass_on(self, client: socket.socket) -> None:
        """Serve a connection until one side ends it, or it is cut."""
        left = self.cuts.popleft() if self.cuts else None
        with socket.create_connection(self.server) as server:
            upward = threading.Thread(target=_pump, args=(client, server))
            upward.start()
            _pump(server, client, left)
            for each in (client, server):
                with suppress(OSError):  # the other side was faster
                    each.shutdown(socket.SHUT_RDWR)
            upward.join()


def _pump(source: socket.socket, sink: socket.socket, left: int | None = None) -> None:
    with suppress(OSError):  # one of them is gone, which is an end
        while piece := source.recv(_PIECE_BYTES):
            if left is not None and len(piece) >= left:
                sink.sendall(piece[:left])
                return
            sink.sendall(piece)
            left = None if left is None else left - len(piece)


@contextmanager
def cutting(endpoint: str) -> Iterator[Cutter]:
    """Give a way to the server at `endpoint`, at another port of the same address."""
    url = urlsplit(endpoint)
    address = url.hostname or ""
    cutter = Cutter((address, url.port or 443))

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            cutter.pass_on(self.request)

    with socketserver.ThreadingTCPServer((address, 0), Handler) as listening:
        cutter.endpoint = f"{url.scheme}://{address}:{listening.server_address[1]}"
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        try:
            yield cutter
        finally:
            listening.shutdown()
            thread.join()
