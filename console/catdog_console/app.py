"""The console's routes, and what holds for all of them."""

from http import HTTPStatus

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from catdog_client.errors import ClientError
from catdog_console.config import Config
from catdog_console.html import ASSETS, page
from catdog_console.letter_pages import LetterPages
from catdog_console.model_pages import ModelPages
from catdog_console.parts import NOT_FOUND, Parts
from catdog_console.photo_pages import FRAGMENT_HEADER, PhotoPages
from catdog_console.security import SameOrigin, SecurityHeaders
from catdog_console.version_pages import VersionPages

log = structlog.get_logger()

_UNAVAILABLE = 503


def create_app(config: Config, parts: Parts) -> ASGIApp:
    """Return the application; its answer to a crash of its own has the headers too."""
    pages = (ModelPages(parts), PhotoPages(parts), VersionPages(parts), LetterPages(parts))
    app = Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/static/{digest}/{name}", static),
            *(route for each in pages for route in each.routes()),
        ],
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=config.hosts, www_redirect=False),
            Middleware(SameOrigin),
        ],
        exception_handlers={
            HTTPException: _explain_refusal,
            ClientError: _explain_trouble,
            Exception: _explain_crash,
        },
    )
    return SecurityHeaders(app)


async def healthz(_: Request) -> Response:
    """Say that the process lives."""
    return PlainTextResponse("ok")


async def static(request: Request) -> Response:
    """Hand out a file of the pages' own."""
    asset = ASSETS.get(request.path_params["name"])
    if asset is None or request.path_params["digest"] != asset.digest:
        raise HTTPException(NOT_FOUND, "The pages have no such file: reload the page.")
    return asset.response()


async def _explain_refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  as it is registered for
    title = "That is not here" if error.status_code == NOT_FOUND else "That can't be done"
    words = error.detail
    if words == HTTPStatus(error.status_code).phrase:  # Starlette's own
        words = "There is no such page." if error.status_code == NOT_FOUND else f"{words}."
    return _explain(request, title, words, error.status_code)


async def _explain_trouble(request: Request, error: Exception) -> Response:
    words = str(error)
    return _explain(request, "That can't be had just now", words[:1].upper() + words[1:], _UNAVAILABLE)


async def _explain_crash(request: Request, _: Exception) -> Response:
    # Starlette raises it again for the server, which logs it with its traceback.
    words = "The console made a mistake; its log says more. Reload the page, or tell who runs it."
    return _explain(request, "Something went wrong here", words, HTTPStatus.INTERNAL_SERVER_ERROR)


def _explain(request: Request, title: str, message: str, status: int) -> HTMLResponse:
    name = "fragments/error.html" if FRAGMENT_HEADER in request.headers else "error.html"
    return page(name, status, title=title, message=message)
