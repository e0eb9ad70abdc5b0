import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.cluster.strimzi.kube import ApiError, Kube

PATH = "/apis/kafka.strimzi.io/v1/kafkas"


class ApiServer:
    """Lists one Kafka, and answers one watch after another with what it is given."""

    def __init__(self, *watches: tuple[int, str]) -> None:
        self.lists = 0
        self.refusals: list[int] = []  # of the next lists
        self._watches = list(watches)

    async def answer(self, request: web.Request) -> web.Response:
        if "watch" not in request.query:
            self.lists += 1
            if self.refusals:
                return web.json_response(
                    {"message": "etcdserver: leader changed"}, status=self.refusals.pop()
                )
            return web.json_response(
                {"metadata": {"resourceVersion": "5"}, "items": [{"metadata": {"name": "listed"}}]}
            )
        status, text = self._watches.pop(0)
        return web.Response(status=status, text=text, content_type="application/json")


@asynccontextmanager
async def connected(api: ApiServer) -> AsyncIterator[Kube]:
    application = web.Application()
    application.router.add_get(PATH, api.answer)
    async with TestServer(application) as server, aiohttp.ClientSession(server.make_url("/")) as session:
        yield Kube(session, retry_seconds=0)


def line(kind: str, name: str) -> str:
    return json.dumps({"type": kind, "object": {"metadata": {"name": name}}}) + "\n"


async def names(kube: Kube, count: int) -> list[tuple[str, bool]]:
    seen: list[tuple[str, bool]] = []
    async for event in kube.watch("Kafka"):
        seen.append((event.object["metadata"]["name"], event.deleted))
        if len(seen) == count:
            return seen
    raise AssertionError("a watch never ends")


async def test_a_watch_gives_what_is_there_and_then_what_changes() -> None:
    async with connected(
        ApiServer((200, line("BOOKMARK", "") + line("ADDED", "new") + line("DELETED", "old")))
    ) as kube:
        assert await names(kube, 3) == [("listed", False), ("new", False), ("old", True)]


REFUSED = (429, json.dumps({"kind": "Status", "message": "storage is (re)initializing", "code": 429}))
EXPIRED = (200, json.dumps({"type": "ERROR", "object": {"code": 410, "message": "too old"}}) + "\n")
CUT_OFF = (200, line("ADDED", "new")[:-10])


@pytest.mark.parametrize("broken", [REFUSED, EXPIRED, CUT_OFF], ids=["refused", "expired", "cut off"])
async def test_a_watch_that_breaks_off_begins_anew(broken: tuple[int, str]) -> None:
    api = ApiServer(broken, (200, line("ADDED", "new")))
    async with connected(api) as kube:
        assert await names(kube, 3) == [("listed", False), ("listed", False), ("new", False)]
    assert api.lists == 2


async def test_what_went_while_nobody_watched_is_told_when_the_watch_begins_anew() -> None:
    api = ApiServer((200, line("ADDED", "brief") + line("ADDED", "gone") + line("DELETED", "gone")), REFUSED)
    async with connected(api) as kube:
        assert await names(kube, 6) == [
            ("listed", False),
            ("brief", False),
            ("gone", False),
            ("gone", True),
            ("brief", True),
            ("listed", False),
        ]


async def test_a_server_that_is_busy_is_asked_again_and_one_that_refuses_is_not() -> None:
    api = ApiServer()
    async with connected(api) as kube:
        api.refusals = [500, 503, 429]
        assert len(await kube.list("Kafka")) == 1
        assert api.lists == 4
        api.refusals = [403]
        with pytest.raises(ApiError, match="403"):
            await kube.list("Kafka")
        assert api.lists == 5


async def test_what_the_server_refuses_is_said_in_its_words() -> None:
    async with connected(ApiServer()) as kube:
        assert await kube.get("Kafka", "kafka", "missing") is None
        with pytest.raises(ApiError, match="404: 404: Not Found"):
            await kube.list("KafkaTopic")
