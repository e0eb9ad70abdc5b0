"""Files of a pod come byte for byte, or not at all; the API server's part is a web socket on localhost."""

import asyncio
import json
import os
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import pytest
from aiohttp import web
from kubernetes.client import ApiClient, Configuration

from catdog_client.cluster.pod_exec import Container, read_file
from catdog_client.errors import ClientError

WORKER = Container("kafka", "pets-inference-1", "worker")
EXEC = "/api/v1/namespaces/kafka/pods/pets-inference-1/exec"
STDOUT, STDERR, END = b"\1", b"\2", b"\3"
SUCCESS = END + json.dumps({"status": "Success"}).encode()
FAILURE = END + json.dumps({"status": "Failure", "message": "command terminated with exit code 1"}).encode()

Say = Callable[[web.WebSocketResponse], Awaitable[object]]


def frames(*sent: bytes) -> Say:
    """Return what sends frames and closes the connection."""

    async def say(socket: web.WebSocketResponse) -> None:
        for each in sent:
            await socket.send_bytes(each)

    return say


@contextmanager
def api_server(say: Say | None) -> Iterator[ApiClient]:
    """Give a client of a server that answers an exec so, or refuses it."""

    async def answer(request: web.Request) -> web.StreamResponse:
        assert request.query.getall("command") == ["cat", "/models/pets/versions/1/a.png"]
        assert (request.query["container"], request.query["stdout"]) == ("worker", "true")
        if say is None:
            forbidden = {"message": 'pods "pets" is forbidden: cannot get pods/exec'}
            return web.json_response(forbidden, status=403)
        socket = web.WebSocketResponse(protocols=("v4.channel.k8s.io",))
        await socket.prepare(request)
        await say(socket)
        await socket.close()
        return socket

    loop, started, stop = asyncio.new_event_loop(), threading.Event(), asyncio.Event()
    port = 0

    async def serve() -> None:
        nonlocal port
        app = web.Application()
        app.router.add_get(EXEC, answer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        started.set()
        await stop.wait()
        await runner.cleanup()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert started.wait(30)
    configuration = Configuration()
    configuration.host = f"http://127.0.0.1:{port}"
    try:
        yield ApiClient(configuration)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
        loop.close()


def read(say: Say | None) -> bytes:
    with api_server(say) as client:
        return read_file(client, WORKER, "/models/pets/versions/1/a.png")


def test_any_bytes_come_in_their_order_however_they_are_cut() -> None:
    content = os.urandom(3_000_000) + bytes(range(256)) * 4
    pieces = [content[at : at + 32_000] for at in range(0, len(content), 32_000)]
    assert read(frames(*(STDOUT + each for each in pieces), SUCCESS)) == content


def test_an_empty_file_is_one() -> None:
    assert read(frames(STDOUT, SUCCESS)) == b""


def test_what_cat_complains_of_is_told() -> None:
    with pytest.raises(ClientError) as refused:
        read(frames(STDERR + b"cat: a.png: No such file\n", FAILURE))
    assert str(refused.value) == (
        "/models/pets/versions/1/a.png of pod pets-inference-1 can't be read: cat: a.png: No such file"
    )


def test_a_part_of_a_file_is_none() -> None:
    with pytest.raises(ClientError, match="can't be read: the pod ended"):
        read(frames(STDOUT + b"the beginning"))


async def _break_off(socket: web.WebSocketResponse) -> None:
    await socket.send_bytes(STDOUT + b"the beginning")
    transport = socket._req.transport if socket._req else None  # noqa: SLF001 - aiohttp has no other way
    assert transport is not None
    transport.abort()


def test_a_connection_that_breaks_is_told() -> None:
    with pytest.raises(ClientError, match=r"of pod pets-inference-1 came in part: .*; try again"):
        read(_break_off)


def test_a_right_that_is_missing_is_told_on_one_line() -> None:
    with pytest.raises(ClientError) as refused:
        read(None)
    assert str(refused.value) == (
        'nothing can be run in pod kafka/pets-inference-1: pods "pets" is forbidden: cannot get pods/exec; '
        "ask for that right: docs/how-to/answers-and-versions.md has a Role that suffices"
    )
