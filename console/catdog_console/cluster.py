"""Watches the CatDogModels of some namespaces: one watch of each, however many pages are open."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Event, Thread
from typing import Any, NamedTuple

import msgspec
import structlog

from catdog_client.cluster.api import FORBIDDEN, UNAUTHORIZED, Refusal
from catdog_client.cluster.model import Model, read_model
from catdog_client.cluster.models import Body, Models
from catdog_client.errors import ClientError
from catdog_console.changes import Changes
from catdog_console.epochs import Epochs, note_progress

log = structlog.get_logger()

_PAUSE_SECONDS = 2.0  # after an outage
_BREATH_SECONDS = 0.2  # between two watches, for an API server that ends them at once

Connect = Callable[[str], Models]


class Key(NamedTuple):
    """Which model."""

    namespace: str
    name: str


class Known(msgspec.Struct, frozen=True):
    """A model as the API server last told it, and the epochs that were seen of its training."""

    model: Model
    body: Mapping[str, Any]
    epochs: Epochs = Epochs()


class Outage(msgspec.Struct, frozen=True):
    """Why nothing is heard of a namespace, and since when."""

    message: str
    since: datetime


class Cluster:
    """The models, as they were last told; all on one event loop.

    `changes` tells whenever something became different.
    """

    def __init__(self, namespaces: Sequence[str]) -> None:
        self.namespaces = tuple(namespaces)
        self.changes = Changes()
        self.models: Mapping[Key, Known] = {}
        self.outages: Mapping[str, Outage] = {}
        self.heard: frozenset[str] = frozenset()  # the namespaces that were ever told of

    def note(self, namespace: str, bodies: Mapping[str, Body]) -> None:
        """Take what the API server says of all models of a namespace."""
        others = {key: each for key, each in self.models.items() if key.namespace != namespace}
        found = {
            Key(namespace, name): self._note(Key(namespace, name), body) for name, body in bodies.items()
        }
        mine = {key: each for key, each in found.items() if each is not None}
        self.models = dict(sorted((others | mine).items()))
        self.outages = {name: each for name, each in self.outages.items() if name != namespace}
        self.heard |= {namespace}
        self.changes.announce()

    def note_outage(self, namespace: str, message: str, now: datetime) -> None:
        """Take that the API server does not answer, or refuses."""
        before = self.outages.get(namespace)
        outage = Outage(message, before.since if before else now)
        if outage != before:
            log.warning("nothing is heard of the models", namespace=namespace, reason=message)
            self.outages = {**self.outages, namespace: outage}
            self.changes.announce()

    def _note(self, key: Key, body: Body) -> Known | None:
        """Return what is known of a model now; of one that is of another release, what was known before."""
        known = self.models.get(key)
        if known is not None and known.body == body:
            return known
        try:
            model = read_model(body)
        except msgspec.ValidationError as error:
            log.warning("a model can't be read", namespace=key.namespace, name=key.name, reason=str(error))
            return known
        before = known.epochs if known else Epochs()
        return Known(model, body, note_progress(before, model.status.progress))


def tell_refusal(error: ClientError) -> str:
    """Return what a page says of an error: whose right is missing is the console's, not its reader's."""
    if isinstance(error, Refusal) and error.status in (UNAUTHORIZED, FORBIDDEN):
        return f"{error.fact}; whoever runs the console sees that the Role of manifests/console is there"
    return str(error)


@contextmanager
def watching(cluster: Cluster, connect: Connect) -> Iterator[None]:
    """Keep the cluster's models up to date while the context lasts; within an event loop.

    The threads are daemons: a read of the API server that nobody ends would keep the process for a minute.
    """
    over = Event()
    loop = asyncio.get_running_loop()
    for namespace in cluster.namespaces:
        watch = _Watch(cluster, connect, namespace, loop, over)
        Thread(target=watch.run, name=f"watch-{namespace}", daemon=True).start()
    try:
        yield
    finally:
        over.set()


class _Watch:
    """Follows one namespace in a thread, since the client's API is a blocking one."""

    def __init__(
        self,
        cluster: Cluster,
        connect: Connect,
        namespace: str,
        loop: asyncio.AbstractEventLoop,
        over: Event,
    ) -> None:
        self._cluster, self._connect, self._namespace = cluster, connect, namespace
        self._loop, self._over = loop, over

    def run(self) -> None:
        while not self._over.is_set():
            try:
                models = self._connect(self._namespace)
                while not self._over.is_set():
                    for bodies in models.follow_all():
                        self._tell(self._cluster.note, self._namespace, bodies)
                    self._over.wait(_BREATH_SECONDS)
            except ClientError as error:
                self._fail(tell_refusal(error))
            except Exception:  # a thread that ended would leave the pages as they are, without a word
                log.exception("the models can't be followed", namespace=self._namespace)
                self._fail("the console is at fault, and says in its log how")

    def _fail(self, trouble: str) -> None:
        self._tell(self._cluster.note_outage, self._namespace, trouble, datetime.now(UTC))
        self._over.wait(_PAUSE_SECONDS)

    def _tell(self, what: Callable[..., None], *arguments: Any) -> None:  # noqa: ANN401 - the method's
        """Call a method of the cluster on its loop, unless that is over."""
        if self._over.is_set():
            return
        try:
            self._loop.call_soon_threadsafe(what, *arguments)
        except RuntimeError:  # the loop was closed just now
            self._over.set()
