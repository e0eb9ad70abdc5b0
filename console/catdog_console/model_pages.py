"""The list of models and a model's page, and what both are told while they are open."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import TypeAlias

import anyio
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from catdog_client.errors import ClientError
from catdog_console.cluster import Key, Known
from catdog_console.html import gone_fragments, list_fragments, model_fragments, page, revision
from catdog_console.live import NOTHING, Drawing, follow_state, follow_strip, merge, until
from catdog_console.parts import Parts
from catdog_console.traffic_view import size_words
from catdog_console.views import ModelView, url_of, view_list, view_outages
from catdog_console.views_of_kafka import ModelTopics

_OPEN_PAGES = 200  # that are told of changes at the same time
_SEND_SECONDS = 30.0  # after which a page that takes nothing is let go
_LAST_SECONDS = 2.0  # for the end of what open pages are told, as the console ends
_BUSY = 503

_MadeOf: TypeAlias = tuple[ModelView, tuple[str, ...], str]  # as model_fragments takes it
_Rendered: TypeAlias = tuple[_MadeOf, Mapping[str, str]]


class ModelPages:
    """The pages that change by themselves."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._open = 0
        self._drawings: dict[Key, Drawing] = {}
        self._rendered: dict[Key, _Rendered] = {}

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
        fragments = self.index_fragments()
        return page("index.html", fragments=fragments, revision=revision(fragments))

    async def index_events(self, request: Request) -> Response:
        """Tell what changes of the list."""
        return self._tell(follow_state(self._parts.cluster.changes, self.index_fragments, _seen(request)))

    async def model(self, request: Request) -> Response:
        """Show a model."""
        key, known = self._parts.find(request)
        fragments, topics = self.fragments(key), self._topics(known)
        most = topics.max_image_bytes if isinstance(topics, ModelTopics) else 0
        return page(
            "model.html",
            model=self._parts.view(key, known),
            fragments=fragments,
            revision=revision(fragments),
            most_bytes=most,
            most_words=size_words(most),
        )

    async def model_events(self, request: Request) -> Response:
        """Tell what changes of a model, and what it answers."""
        key, _ = self._parts.find(request)
        return self._tell(*self.follow(key, _seen(request)))

    def follow(self, key: Key, seen: str) -> Sequence[AsyncGenerator[ServerSentEvent, None]]:
        """Return what a model's page is told, that has the revision `seen`."""
        state = follow_state(self._parts.cluster.changes, lambda: self.fragments(key), seen)
        return state, self._strip(key)

    async def _strip(self, key: Key) -> AsyncGenerator[ServerSentEvent, None]:
        """Yield what a model answers, as soon as its topics are known."""
        changes, number = self._parts.cluster.changes, -1
        while True:
            number = await changes.after(number)
            known = self._parts.cluster.models.get(key)
            topics = self._topics(known) if known else ""
            if isinstance(topics, ModelTopics):
                drawing = self._drawings.setdefault(key, Drawing(url_of(key)))
                strip = follow_strip(drawing, self._parts.traffic.follow(topics))
                async with aclosing(merge(strip, self._until_other(key, topics))) as events:
                    async for each in events:
                        yield each

    async def _until_other(self, key: Key, topics: ModelTopics) -> AsyncGenerator[ServerSentEvent, None]:
        """Yield nothing, and end as the model has other topics, or is gone."""
        changes, number = self._parts.cluster.changes, -1
        known = self._parts.cluster.models.get(key)
        while known and self._topics(known) == topics:
            number = await changes.after(number)
            known = self._parts.cluster.models.get(key)
        for each in NOTHING:
            yield each

    def _topics(self, known: Known) -> ModelTopics | str:
        """Return a model's topics, or why they can't be reached, as a sentence."""
        try:
            return self._parts.topics(known)
        except ClientError as error:
            words = str(error).removesuffix(".")
            return f"{words[:1].upper()}{words[1:]}."

    def index_fragments(self) -> Mapping[str, str]:
        """Return what changes of the list of models, by the ids of elements."""
        cluster = self._parts.cluster
        heard = cluster.heard.issuperset(cluster.namespaces)
        return list_fragments(view_list(cluster.models), view_outages(cluster.outages), heard=heard)

    def fragments(self, key: Key) -> Mapping[str, str]:
        """Return what changes of a model's page, by the ids of elements."""
        known = self._parts.cluster.models.get(key)
        if known is None:
            return gone_fragments()
        outages = {name: each for name, each in self._parts.cluster.outages.items() if name == key.namespace}
        topics = self._topics(known)
        trouble = "" if isinstance(topics, ModelTopics) else topics
        return self._render(key, (self._parts.view(key, known), view_outages(outages), trouble))

    def _render(self, key: Key, made_of: _MadeOf) -> Mapping[str, str]:
        """Return a model's fragments, rendered once for all pages; of each model the newest are kept."""
        last = self._rendered.get(key)
        if last is None or last[0] != made_of:
            last = self._rendered[key] = made_of, model_fragments(*made_of)
            for kept in (self._rendered, self._drawings):
                for gone in kept.keys() - self._parts.cluster.models.keys():
                    del kept[gone]
        return last[1]

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
