"""The proxy between operator and API server: what it passes on, what it counts, and when it strikes."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.e2e.faults.proxy import MODELS, Moment, Proxy, Strike, Write

JOBS = "/apis/batch/v1/namespaces/kafka/jobs"


class FakeServer:
    """Answers every request, and remembers it."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.headers: dict[str, str] = {}

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(f"{request.method} {request.path_qs}")
        self.headers = dict(request.headers)
        return web.json_response({"kind": "Answer", "body": await request.text()}, status=201)


@asynccontextmanager
async def proxied(model: str | None = None) -> AsyncIterator[tuple[FakeServer, Proxy, aiohttp.ClientSession]]:
    fake, app = FakeServer(), web.Application()
    app.router.add_route("*", "/{path:.*}", fake.answer)
    async with TestServer(app) as server, aiohttp.ClientSession(str(server.make_url("/"))) as upstream:
        proxy = Proxy(upstream, model)
        await proxy.come()
        try:
            async with aiohttp.ClientSession(proxy.url) as client:
                yield fake, proxy, client
        finally:
            await proxy.end()


@contextmanager
def unanswered() -> Iterator[None]:
    with pytest.raises(aiohttp.ClientError):
        yield


async def test_a_request_is_passed_on_with_its_token_and_answered() -> None:
    async with proxied() as (fake, proxy, client):
        headers = {"Authorization": "Bearer miaow"}
        async with client.post(JOBS, params={"fieldManager": "x"}, json={"a": 1}, headers=headers) as answer:
            assert (answer.status, await answer.json()) == (201, {"kind": "Answer", "body": '{"a": 1}'})
        assert fake.asked == [f"POST {JOBS}?fieldManager=x"]
        assert fake.headers["Authorization"] == "Bearer miaow"
        assert proxy.writes == [Write("POST", JOBS, 201)]


async def test_only_writes_are_counted() -> None:
    async with proxied() as (fake, proxy, client):
        async with client.get(JOBS):
            pass
        assert (len(fake.asked), proxy.writes) == (1, [])


@pytest.mark.parametrize(("moment", "passed_on"), [(Moment.BEFORE, 1), (Moment.AFTER, 2)])
async def test_the_operator_is_killed_at_its_nth_write_and_gets_no_answer(
    moment: Moment, passed_on: int
) -> None:
    killed: list[int] = []
    async with proxied() as (fake, proxy, client):
        proxy.strike = Strike(2, moment, kill=lambda: killed.append(len(fake.asked)))
        async with client.post(JOBS):
            pass
        with unanswered():
            await client.post(JOBS)
        assert killed == [passed_on]
        assert proxy.struck.is_set()
        async with client.post(JOBS):  # and only once
            pass
        assert len(killed) == 1
        assert [write.code for write in proxy.writes] == [201, 201 if moment is Moment.AFTER else None, 201]


async def test_one_that_is_gone_refuses_and_comes_back_to_its_place() -> None:
    async with proxied() as (_, proxy, client):
        async with client.get(JOBS):
            pass
        url = proxy.url
        assert await proxy.go() == 1
        with unanswered():
            await client.get(JOBS)
        await proxy.come()
        async with client.get(JOBS) as answer:
            assert (answer.status, proxy.url) == (201, url)


async def test_an_api_server_that_is_away_is_not_answered_for(unused_tcp_port: int) -> None:
    async with aiohttp.ClientSession(f"http://127.0.0.1:{unused_tcp_port}") as nobody:
        proxy = Proxy(nobody)
        await proxy.come()
        async with aiohttp.ClientSession(proxy.url) as client:
            with unanswered():
                await client.post(JOBS)
        assert proxy.writes == [Write("POST", JOBS, None)]
        await proxy.end()


@pytest.mark.parametrize(
    ("path", "query", "seen"),
    [
        (MODELS, "watch=true", "watch=true&fieldSelector=metadata.name%3Dpets"),
        (JOBS, "labelSelector=a%3Db", "labelSelector=a%3Db,catdog.dev/model%3Dpets"),
        (JOBS, "watch=true", "watch=true"),
    ],
)
async def test_an_operator_can_be_shown_one_model_alone(path: str, query: str, seen: str) -> None:
    async with proxied("pets") as (fake, _, client):
        async with client.get(f"{path}?{query}"):
            pass
        assert fake.asked == [f"GET {path}?{seen}"]
