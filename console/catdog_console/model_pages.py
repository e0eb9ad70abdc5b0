"""The list of models and a model's page, and what both are told while they are open."""

from collections.abc import AsyncGenerator, Mapping, Sequence

import anyio
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from catdog_client.errors import ClientError
from catdog_console.cluster import Key, Known
from catdog_console.html import list_fragments, model_fragments, page, render, revision
from catdog_console.live import follow_state, follow_strip, merge, until
from catdog_console.parts import Parts
from catdog_console.traffic_view import size_words
from catdog_console.views import url_of, view_list, view_outages
from catdog_console.views_of_kafka import ModelTopics

_OPEN_PAGES = 200  # that are told of changes at the same time
_SEND_SECONDS = 30.0  # after which a page that takes nothing is let go
_LAST_SECONDS = 2.0  # for the end of what open pages are told, as the console ends
_BUSY = 503


class ModelPages:
    """The pages that change by themselves."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._open = 0

    def routes(self) -> Sequence[Route]:
        """Return where they are."""
        return (
            Route("/", self.index),
            Route("/events", self.index_events),
            Route("/models/{namespace}/{name}", self.model),
            Route("/models/{namespace}/{name}/events", self.model_events),
        )

    async def index(self, _: Request) -> Response:
        """Show all models."""
        fragments = self._list()
        return page("index.html", fragments=fragments, revision=revision(fragments))

    async def index_events(self, request: Request) -> Response:
        """Tell what changes of the list."""
        return self._tell(follow_state(self._parts.cluster.changes, self._list, _seen(request)))

    async def model(self, request: Request) -> Response:
        """Show a model."""
        key, known = self._parts.find(request)
        fragments, topics = self._model(key), self._topics(known)
        most = topics.max_image_bytes if isinstance(topics, ModelTopics) else 0
        versions = known.model.status.versions
        return page(
            "model.html",
            model=self._parts.view(key, known),
            fragments=fragments,
            revision=revision(fragments),
            kafka_trouble="" if isinstance(topics, ModelTopics) else topics,
            most_bytes=most,
            most_words=size_words(most),
            others=[each.version for each in versions if each.version != known.model.served],
        )

    async def model_events(self, request: Request) -> Response:
        """Tell what changes of a model, and what it answers."""
        key, known = self._parts.find(request)
        state = follow_state(self._parts.cluster.changes, lambda: self._model(key), _seen(request))
        if isinstance(topics := self._topics(known), ModelTopics):
            return self._tell(state, follow_strip(url_of(key), self._parts.traffic.follow(topics)))
        return self._tell(state)

    def _topics(self, known: Known) -> ModelTopics | str:
        """Return a model's topics, or why they can't be reached, as a sentence."""
        try:
            return self._parts.topics(known)
        except ClientError as error:
            words = str(error).removesuffix(".")
            return f"{words[:1].upper()}{words[1:]}."

    def _list(self) -> Mapping[str, str]:
        cluster = self._parts.cluster
        heard = cluster.heard.issuperset(cluster.namespaces)
        return list_fragments(view_list(cluster.models), view_outages(cluster.outages), heard=heard)

    def _model(self, key: Key) -> Mapping[str, str]:
        known = self._parts.cluster.models.get(key)
        if known is None:
            return {"words": render("fragments/gone.html")}
        outages = {name: each for name, each in self._parts.cluster.outages.items() if name == key.namespace}
        return model_fragments(self._parts.view(key, known), view_outages(outages))

    def _tell(self, *streams: AsyncGenerator[ServerSentEvent, None]) -> Response:
        if self._open >= _OPEN_PAGES:
            raise HTTPException(_BUSY, f"{_OPEN_PAGES} pages are open already: close some.")
        over = anyio.Event()
        return EventSourceResponse(
            self._counted((*streams, until(over))),
            send_timeout=_SEND_SECONDS,
            shutdown_event=over,
            shutdown_grace_period=_LAST_SECONDS,
        )

    async def _counted(
        self, streams: Sequence[AsyncGenerator[ServerSentEvent, None]]
    ) -> AsyncGenerator[ServerSentEvent, None]:
        self._open += 1
        try:
            async for each in merge(*streams):
                yield each
        finally:
            self._open -= 1


def _seen(request: Request) -> str:
    """Return the revision that a page has: of the last event that came, else of the page itself."""
    return request.headers.get("last-event-id") or request.query_params.get("seen", "")
