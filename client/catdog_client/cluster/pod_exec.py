"""Reads files of a pod, byte for byte, by running `cat` in it as `kubectl exec` does."""

import time
from typing import Any, NamedTuple, TypeAlias

import msgspec
from kubernetes.client import ApiClient, CoreV1Api
from kubernetes.client.exceptions import ApiException
from kubernetes.stream import stream
from kubernetes.stream.ws_client import ERROR_CHANNEL
from websocket import WebSocketBadStatusException, WebSocketException

from catdog_client.cluster.api import FORBIDDEN
from catdog_client.errors import ClientError
from catdog_client.text import printed

Socket: TypeAlias = Any  # a kubernetes.stream.ws_client.WSClient, whose methods have no types

_STALL_SECONDS = 60.0  # without a byte


class Container(NamedTuple):
    """A container that runs."""

    namespace: str
    pod: str
    name: str


class _Status(msgspec.Struct, frozen=True):
    """What is said at the end, or in place of a connection: meta/v1 Status."""

    status: str = ""
    message: str = ""


def read_file(client: ApiClient, container: Container, path: str) -> bytes:
    """Return the content of a file that a container sees.

    Raises:
        ClientError: it is not there, or we may not run anything in the pod, or the connection ended early.
    """
    socket = _connect(client, container, ["cat", path])
    try:
        content, complaint = _read_all(socket)
        end = socket.read_channel(ERROR_CHANNEL)
    except (WebSocketException, OSError) as error:
        raise ClientError(f"{path} of pod {container.pod} came in part: {error}; try again") from error
    finally:
        socket.close()
        socket.sock.shutdown()  # where the server ended it, close (of websocket-client 1.9) leaves it open
    if _read_status(end).status != "Success":
        reason = printed(complaint.decode(errors="replace").strip()) or _read_status(end).message
        raise ClientError(f"{path} of pod {container.pod} can't be read: {reason or 'the pod ended'}")
    return content


def _connect(client: ApiClient, container: Container, command: list[str]) -> Socket:
    run = CoreV1Api(client).connect_get_namespaced_pod_exec
    streams: dict[str, Any] = {"stdout": True, "stderr": True, "stdin": False, "tty": False}
    try:
        return stream(
            run,
            container.pod,
            container.namespace,
            container=container.name,
            command=command,
            **streams,
            binary=True,
            _preload_content=False,
        )
    except ApiException as error:
        if isinstance(error.__context__, KeyboardInterrupt):  # the package catches that too
            raise error.__context__ from None
        raise _refused(container, error) from error


def _refused(container: Container, error: ApiException) -> ClientError:
    """Return what is to be said where the API server opens no connection; its own words, if it has some."""
    cause, words = error.__context__, str(error.reason)
    if isinstance(cause, WebSocketBadStatusException):
        words = _read_status(cause.resp_body or b"").message or f"HTTP status {cause.status_code}"
        if cause.status_code == FORBIDDEN:
            words += "; ask for that right: docs/how-to/answers-and-versions.md has a Role that suffices"
    return ClientError(f"nothing can be run in pod {container.namespace}/{container.pod}: {printed(words)}")


def _read_all(socket: Socket) -> tuple[bytes, bytes]:
    """Return what the command writes to its two streams, until it ends."""
    content, complaints = [], []
    heard = time.monotonic()
    while True:
        is_open = socket.is_open()
        if is_open:
            socket.update(timeout=_STALL_SECONDS)
        # Each time: the client joins what is left lying by copying it all.
        piece, complaint = socket.read_stdout(timeout=0), socket.read_stderr(timeout=0)
        content.append(piece)
        complaints.append(complaint)
        if not is_open:
            return b"".join(content), b"".join(complaints)
        if piece or complaint:
            heard = time.monotonic()
        elif time.monotonic() - heard > _STALL_SECONDS:
            raise TimeoutError(f"nothing came for {_STALL_SECONDS:.0f} s")


def _read_status(content: bytes) -> _Status:
    try:
        return msgspec.json.decode(content, type=_Status)
    except msgspec.DecodeError:  # the connection ended before the command did, say
        return _Status()
