"""The console's routes."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from catdog_console.config import Config


def create_app(config: Config) -> Starlette:
    """Return the application."""

    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok")

    async def index(_: Request) -> Response:
        return PlainTextResponse(f"models of {', '.join(config.namespaces)}")

    return Starlette(routes=[Route("/", index), Route("/healthz", healthz)])
