"""Dead letters with their reasons, and the small pictures of what came through Kafka."""

from collections.abc import Sequence
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from catdog_console.html import page
from catdog_console.parts import NOT_FOUND, Parts
from catdog_console.traffic_view import view_letter
from catdog_console.views import url_of


class LetterPages:
    """Dead letters, and pictures."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def routes(self) -> Sequence[Route]:
        """Return where they are."""
        base = "/models/{namespace}/{name}"
        return (
            Route(f"{base}/dead-letters", self.letters),
            Route(f"{base}/dead-letters/{{partition:int}}/{{offset:int}}", self.letter),
            Route(f"{base}/pictures/{{picture}}.jpg", self.picture),
        )

    async def letters(self, request: Request) -> Response:
        """List the newest dead letters."""
        key, known = self._parts.find(request)
        url = url_of(key)
        found = await self._parts.traffic.dead_letters(self._parts.topics(known))
        return page(
            "dead_letters.html", name=key.name, url=url, letters=[view_letter(url, each) for each in found]
        )

    async def letter(self, request: Request) -> Response:
        """Hand out the bytes of a dead letter, which may be anything: to be saved, never shown."""
        _, known = self._parts.find(request)
        partition, offset = request.path_params["partition"], request.path_params["offset"]
        file = await self._parts.traffic.dead_letter(self._parts.topics(known), partition, offset)
        if file is None:
            raise HTTPException(NOT_FOUND, "No dead letter of this model lies there (any more).")
        headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.name, safe='')}"}
        return Response(file.content, media_type="application/octet-stream", headers=headers)

    async def picture(self, request: Request) -> Response:
        """Hand out a small picture of the strip, or of a dead letter."""
        _, known = self._parts.find(request)
        content = self._parts.traffic.thumbnail(self._parts.topics(known), request.path_params["picture"])
        if content is None:
            raise HTTPException(NOT_FOUND, "That picture is not kept any more.")
        return Response(content, media_type="image/jpeg")
