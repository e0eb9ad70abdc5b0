"""Waits for what tells nobody that it has begun to answer."""

import http.client
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

# For what takes seconds: only a failure waits for so long, and on a busy machine seconds become minutes.
PATIENCE_SECONDS = 240.0
_LOOK_SECONDS = 0.1


def answers(url: str, authority: Path | None = None) -> bool:
    """Whether a GET is answered by 200 from a server that can prove its name by this CA."""
    context = ssl.create_default_context(cafile=authority) if authority else None
    try:
        with urllib.request.urlopen(url, timeout=5, context=context):  # noqa: S310 -- our own addresses
            return True
    except (urllib.error.URLError, http.client.HTTPException, OSError):
        return False


def await_answer(
    url: str, seconds: float, authority: Path | None = None, meanwhile: Callable[[], None] | None = None
) -> None:
    """Return when a GET is answered; `meanwhile` may raise when there is nothing to wait for any more.

    Raises:
        TimeoutError: it was not, within `seconds`.
    """

    def answered() -> bool:
        if meanwhile is not None:
            meanwhile()
        return answers(url, authority)

    _await(answered, url, seconds)


def await_socket(path: Path, seconds: float) -> None:
    """Return when a program listens at a Unix socket.

    Raises:
        TimeoutError: none did, within `seconds`.
    """
    _await(lambda: _listens(path), str(path), seconds)


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0


def _await(holds: Callable[[], bool], what: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not answer within {seconds:.0f} s")
        time.sleep(_LOOK_SECONDS)  # a server that begins to answer tells nobody
