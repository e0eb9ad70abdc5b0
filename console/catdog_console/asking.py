"""A photo's way through Kafka: it is sent under an id of its own, and its answer is known by that."""

import asyncio
import uuid
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from catdog_client.comparing import VersionAnswer
from catdog_client.config import KafkaConfig
from catdog_client.errors import ClientError
from catdog_client.exchange import connect, new_producer, refused, send_image
from catdog_client.outcome import Outcome
from catdog_client.text import printed, sentence
from catdog_common.messages import Source
from catdog_console.views_of_kafka import Asked

KEPT_SECONDS = 600.0  # that an answer is waited for, or known
_MOST = 200  # photos of one model that are waited for
_SHADOW_SECONDS = 1.0  # that a shadow is waited for where the answer is here

Send = Callable[[bytes, str], Awaitable[Outcome]]  # an image under an id


class PhotoProducer:
    """Sends photos to any topic; connected from the first until it is closed."""

    def __init__(self, make: Callable[[dict[str, Any]], AIOKafkaProducer] = new_producer) -> None:
        self._make = make
        self._producer: AIOKafkaProducer | None = None
        self._turn = asyncio.Lock()
        self._stopping = set[asyncio.Task[None]]()

    async def close(self) -> None:
        """Disconnect, until something is sent again."""
        if self._producer is not None:
            self._drop(self._producer)
        await asyncio.gather(*self._stopping, return_exceptions=True)

    async def send(self, config: KafkaConfig, topic: str, image: bytes, identity: str) -> Outcome:
        """Send a photo; return where it lies, or why the topic does not take it.

        Raises:
            ClientError: Kafka lets us not in, or the topic takes no photo of ours.
        """
        producer = await self._connected(config)
        try:
            return await send_image(producer, topic, image, identity)
        except (ClientError, asyncio.CancelledError):  # the latter where nobody waits any longer
            self._drop(producer)
            raise

    def _drop(self, producer: AIOKafkaProducer) -> None:
        """Let the next photo connect anew: aiokafka goes on with a password that has been renewed since."""
        is_used = producer is self._producer
        if is_used:  # and was not dropped by another photo yet
            self._producer = None
            task = asyncio.create_task(producer.stop())  # once it has sent what it was given by others
            self._stopping.add(task)
            task.add_done_callback(self._stopping.discard)

    async def _connected(self, config: KafkaConfig) -> AIOKafkaProducer:
        async with self._turn:
            if self._producer is None:
                producer = self._make(connect(config))
                try:
                    await producer.start()
                except KafkaError as error:
                    await producer.stop()
                    raise refused(config, error) from error
                except asyncio.CancelledError:  # nobody waits any more
                    await producer.stop()
                    raise
                self._producer = producer
            return self._producer


class Asks:
    """The photos of one model that were sent, and what has become of them."""

    def __init__(self, topic: str, *, has_shadow: bool, clock: Callable[[], float]) -> None:
        self._topic, self._has_shadow, self._clock = topic, has_shadow, clock
        self._asks = OrderedDict[str, _Ask]()

    @property
    def waits(self) -> bool:
        """Whether there is a photo that has no answer yet."""
        self._forget()
        return any(each.asked.waits for each in self._asks.values())

    @property
    def is_empty(self) -> bool:
        """Whether none is known."""
        return not self._asks

    def hear(self, reply: Outcome, *, is_shadow: bool) -> None:
        """Take what became of an image, be it one of ours or not."""
        if (ask := self._asks.get(reply.id or "")) is not None:
            ask.hear(reply, self._clock(), is_shadow=is_shadow)

    async def ask(self, photo: bytes, send: Send, patience: float) -> Asked:
        """Send a photo, and return what became of it after at most `patience` seconds.

        Raises:
            ClientError: it was not sent.
        """
        identity = str(uuid.uuid4())
        self._asks[identity] = ask = _Ask(identity, self._clock())
        self._forget()
        try:
            place = await self._send(photo, identity, send, patience)
        except BaseException:  # also where nobody waits any more: what was not sent has no answer
            self._asks.pop(identity, None)
            raise
        ask.asked = msgspec.structs.replace(ask.asked, place=place)
        return await ask.wait(patience, has_shadow=self._has_shadow)

    async def wait(self, identity: str, patience: float) -> Asked | None:
        """Return what has become of a photo after at most `patience` seconds; None: it is not known."""
        self._forget()
        if (ask := self._asks.get(identity)) is None:
            return None
        return await ask.wait(patience, has_shadow=self._has_shadow)

    async def _send(self, photo: bytes, identity: str, send: Send, patience: float) -> Source:
        """Return where the photo lies."""
        try:
            async with asyncio.timeout(patience):
                sent = await send(photo, identity)
        except TimeoutError as error:
            raise ClientError(f"Kafka did not take the photo within {patience:g} s: try again") from error
        if sent.partition is None or sent.offset is None:
            raise ClientError(f"the photo {sent.error}")
        return Source(self._topic, sent.partition, sent.offset)

    def _forget(self) -> None:
        oldest = self._clock() - KEPT_SECONDS
        while self._asks and (len(self._asks) > _MOST or next(iter(self._asks.values())).began < oldest):
            self._asks.popitem(last=False)


class _Ask:
    """A photo, since before it was sent: its answer may be here before the sender knows that it sent."""

    def __init__(self, identity: str, began: float) -> None:
        self.asked, self.began = Asked(identity), began
        self._answered, self._shadowed = asyncio.Event(), asyncio.Event()

    def hear(self, reply: Outcome, now: float, *, is_shadow: bool) -> None:
        answer, error = _read(reply)
        if is_shadow:
            if answer is not None:
                self.asked = msgspec.structs.replace(self.asked, shadow=answer)
                self._shadowed.set()
        elif self.asked.waits:
            took = round(1000 * (now - self.began))
            self.asked = msgspec.structs.replace(self.asked, answer=answer, error=error, milliseconds=took)
            self._answered.set()

    async def wait(self, patience: float, *, has_shadow: bool) -> Asked:
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._answered.wait()
            if has_shadow and self.asked.answer is not None:
                async with asyncio.timeout(_SHADOW_SECONDS):
                    await self._shadowed.wait()
        return self.asked


def _read(reply: Outcome) -> tuple[VersionAnswer | None, str | None]:
    """Return the answer in a reply, or why there is none."""
    if reply.label is None or reply.probabilities is None or reply.version is None:
        return None, sentence(f"the photo became a dead letter: {printed(reply.error or 'of no reason')}")
    return VersionAnswer(reply.version, printed(reply.label), reply.probabilities), None
