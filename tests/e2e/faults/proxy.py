"""A proxy between operator and API server: it counts the operator's writes, and strikes where it is told."""

import asyncio
import contextlib
import enum
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import aiohttp
from aiohttp import web

from tests.cluster.strimzi.kube import open_session

WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
# What is said of one connection only (RFC 9110, 7.6.1), and what aiohttp computes anew.
HOP_BY_HOP = frozenset({"connection", "content-length", "host", "keep-alive", "transfer-encoding", "upgrade"})
GONE = b'"code":410'
MODELS = "/apis/catdog.dev/v1alpha1/catdogmodels"


class Moment(enum.Enum):
    """When the operator is killed: before a write is passed on, or between its being done and its answer."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True)
class Write:
    """A write of the operator's; without a code it never reached the API server, or nobody knows."""

    method: str
    path: str
    code: int | None

    def __str__(self) -> str:
        return f"{self.method} {self.path} → {self.code or 'not passed on'}"


@dataclass(frozen=True)
class Strike:
    """Kill the operator at its n-th write, counted from 1."""

    n: int
    moment: Moment
    kill: Callable[[], None]


class Proxy:
    """Listens on localhost, and passes on what it is asked, the bearer's token and all.

    With `model` the operator is shown this CatDogModel alone, so that several operators, each with its own
    proxy, have nothing to do with one another's.
    """

    def __init__(self, session: aiohttp.ClientSession, model: str | None = None) -> None:
        self.writes: list[Write] = []
        self.gone_answers = 0  # of watches, to what the API server no longer knows
        self.delay = 0.0  # seconds, before each request is passed on
        self.strike: Strike | None = None
        self.struck = asyncio.Event()
        self._session = session
        self._model = model
        self._begun = 0
        app = web.Application(client_max_size=2**24)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None)
        self._port: int | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._port}"

    async def come(self) -> None:
        """Listen, at the port of before if there was one."""
        if self._runner.server is None:
            await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port or 0).start()
        self._port = self._runner.addresses[0][1]

    async def go(self) -> int:
        """Refuse connections, and drop those that there are, like a machine that is gone; return how many."""
        for site in list(self._runner.sites):
            await site.stop()
        assert self._runner.server is not None
        transports = [each.transport for each in self._runner.server.connections if each.transport]
        for transport in transports:
            transport.abort()
        return len(transports)

    async def end(self) -> None:
        """Go, for good."""
        await self.go()
        await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if self.delay:
            await asyncio.sleep(self.delay)
        try:
            if request.method in WRITES:
                # Shielded: what was begun is done and counted, also where the operator goes meanwhile.
                return await asyncio.shield(self._write(request, body))
            return await self._read(request)
        except aiohttp.ClientError:
            return _drop(request)  # the API server is not there: nor are we

    async def _write(self, request: web.Request, body: bytes) -> web.StreamResponse:
        self._begun += 1
        strike = self.strike if self.strike and self.strike.n == self._begun else None
        if strike and strike.moment is Moment.BEFORE:
            self._strike(strike)
            self._note(request, None)
            return _drop(request)
        try:
            async with self._ask(request, body) as answer:
                content = await answer.read()
        except aiohttp.ClientError:
            self._note(request, None)
            raise
        self._note(request, answer.status)
        if strike:
            self._strike(strike)
            return _drop(request)
        return web.Response(status=answer.status, headers=_passed_on(answer.headers), body=content)

    async def _read(self, request: web.Request) -> web.StreamResponse:
        async with self._ask(request, None) as answer:
            response = web.StreamResponse(status=answer.status, headers=_passed_on(answer.headers))
            await response.prepare(request)
            async for chunk in answer.content.iter_any():
                self.gone_answers += chunk.count(GONE)
                await response.write(chunk)
            await response.write_eof()
        return response

    @contextlib.asynccontextmanager
    async def _ask(self, request: web.Request, body: bytes | None) -> AsyncIterator[aiohttp.ClientResponse]:
        async with self._session.request(
            request.method,
            request.path,
            params=self._narrowed(request),
            data=body,
            headers=_passed_on(request.headers),
            allow_redirects=False,
        ) as answer:
            yield answer

    def _narrowed(self, request: web.Request) -> list[tuple[str, str]]:
        query = list(request.query.items())
        if self._model is None or request.method != "GET":
            return query
        if request.path == MODELS:
            return [*query, ("fieldSelector", f"metadata.name={self._model}")]
        return [
            (name, f"{value},catdog.dev/model={self._model}" if name == "labelSelector" else value)
            for name, value in query
        ]

    def _strike(self, strike: Strike) -> None:
        strike.kill()
        self.strike = None
        self.struck.set()

    def _note(self, request: web.Request, code: int | None) -> None:
        self.writes.append(Write(request.method, request.path, code))


@contextlib.asynccontextmanager
async def upstream(server: str, context: ssl.SSLContext) -> AsyncIterator[aiohttp.ClientSession]:
    """Connect to the API server as nobody: who asks is told by the requests' own tokens."""
    no_limit = aiohttp.ClientTimeout(total=None)
    async with open_session(server, context, limit=0, timeout=no_limit, auto_decompress=False) as session:
        yield session


def _drop(request: web.Request) -> web.StreamResponse:
    """Break the connection off without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=502)  # which nobody gets


def _passed_on(headers: "aiohttp.typedefs.LooseHeaders") -> dict[str, str]:
    return {name: value for name, value in dict(headers).items() if name.lower() not in HOP_BY_HOP}
