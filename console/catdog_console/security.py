"""What every answer and every request is held to, whatever the page: written as plain ASGI."""

from collections.abc import Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # No other site learns where somebody came from. With no-referrer a form comes from the origin "null", and
    # where a page has no TLS browsers say nothing else that tells it from another site's.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # The camera is asked for by a file input, which needs no right of a page.
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}

_SAFE = ("GET", "HEAD")


class SecurityHeaders:
    """Adds headers to every answer, but for what it says of its caching itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)


class SameOrigin:
    """Refuses what does not come from one of the console's own pages, but for a link to it that is followed.

    So no other site can send a photo (CSRF), or have a browser fetch pictures or open streams
    (https://web.dev/articles/fetch-metadata).
    Browsers say where a request comes from in `Sec-Fetch-Site`, older ones in `Origin`; what says neither
    is no browser, and has nobody's session.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer that it is refused."""
        if scope["type"] == "http" and not is_own(scope["method"], Headers(scope=scope)):
            refusal = PlainTextResponse("this comes from another site: open the page and send it there", 403)
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)


def is_own(method: str, headers: Mapping[str, str]) -> bool:
    """Whether a request comes from a page of the same origin, or is a person's who follows a link to here."""
    site, follows_link = headers.get("sec-fetch-site"), headers.get("sec-fetch-mode") == "navigate"
    if method in _SAFE and (site is None or follows_link):
        return True
    if site is not None:
        return site in ("same-origin", "none")
    if (origin := headers.get("origin")) is not None:
        return origin.partition("://")[2] == headers.get("host")
    return True
