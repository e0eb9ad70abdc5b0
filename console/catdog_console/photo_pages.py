"""A photo that is asked about, and what comes through Kafka for those who have no script."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing, suppress

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from catdog_client.errors import ClientError
from catdog_client.version_files import Published
from catdog_console.budget import Budget
from catdog_console.cluster import Key
from catdog_console.html import page
from catdog_console.parts import NOT_FOUND, ModelFiles, Parts, find_version
from catdog_console.traffic_view import AnswerView, Column, view_asked, view_computed, view_frame
from catdog_console.uploads import announced, read_upload
from catdog_console.views import url_of
from catdog_console.views_of_kafka import Frame, ModelTopics

FRAGMENT_HEADER = "catdog-fragment"  # by which the page's script asks for the answer alone

_PATIENCE_SECONDS = 10.0
_LISTEN_SECONDS = 4.0
_MEMORY_BYTES = 96 * 1024 * 1024  # of all photos that are under way
_COPIES = 3  # of a photo: as it comes, as it is, and as it goes
_IDENTITY_CHARACTERS = 64


class PhotoPages:
    """Asking about a photo."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._memory = Budget(_MEMORY_BYTES)

    def routes(self) -> Sequence[Route]:
        """Return where they are."""
        base = "/models/{namespace}/{name}"
        return (
            Route(f"{base}/photos", self.ask, methods=["POST"]),
            Route(f"{base}/photos", self.nothing_asked),
            Route(f"{base}/photos/{{identity}}", self.look_again),
            Route(f"{base}/answers", self.listen),
        )

    async def ask(self, request: Request) -> Response:
        """Send a photo through Kafka and show its answer; beside it, another version's."""
        key, known = self._parts.find(request)
        topics = self._parts.topics(known)
        async with self._memory.take(_COPIES * announced(request, topics.max_image_bytes)):
            upload = await read_upload(request, topics.max_image_bytes)
            beside = None if upload.beside is None else find_version(known, upload.beside)[1]
            asked, column = await asyncio.gather(
                self._parts.traffic.ask(topics, upload.photo, _PATIENCE_SECONDS),
                self._compute(key, beside, upload.photo),
            )
        return _show(request, key, view_asked(url_of(key), asked, column))

    async def nothing_asked(self, request: Request) -> Response:
        """Lead back who reloads an answer's address."""
        key, _ = self._parts.find(request)
        return Response(status_code=303, headers={"Location": url_of(key)})

    async def look_again(self, request: Request) -> Response:
        """Show what became of a photo that was not answered at once."""
        key, known = self._parts.find(request)
        topics, identity = self._parts.topics(known), request.path_params["identity"][:_IDENTITY_CHARACTERS]
        asked = await self._parts.traffic.await_answer(topics, identity, _PATIENCE_SECONDS)
        if asked is None:
            raise HTTPException(NOT_FOUND, "Nothing is known of that photo any more: send it again.")
        return _show(request, key, view_asked(url_of(key), asked))

    async def listen(self, request: Request) -> Response:
        """Show what is answered within some seconds."""
        key, known = self._parts.find(request)
        frame = await self._listen(self._parts.topics(known))
        strip = view_frame(url_of(key), frame)
        return page("answers.html", name=key.name, url=url_of(key), strip=strip, trouble=strip.trouble)

    async def _listen(self, topics: ModelTopics) -> Frame:
        async with aclosing(self._parts.traffic.follow(topics)) as frames:
            last = await anext(frames)
            with suppress(TimeoutError):
                async with asyncio.timeout(_LISTEN_SECONDS):
                    async for frame in frames:
                        last = frame
        return last

    async def _compute(self, key: Key, version: Published | None, photo: bytes) -> Column | None:
        if version is None:
            return None
        try:
            files = ModelFiles(self._parts.reports, key)
            return view_computed(version.version, await self._parts.predictors.answer(version, files, photo))
        except ClientError as error:
            return view_computed(version.version, error)


def _show(request: Request, key: Key, answer: AnswerView) -> Response:
    template = "fragments/answer.html" if FRAGMENT_HEADER in request.headers else "answer.html"
    return page(template, name=key.name, url=url_of(key), answer=answer)
