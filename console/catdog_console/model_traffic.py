"""One model's topics as the console sees them: who wants to know shares one consumer, and one memory."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from time import monotonic

import structlog

from catdog_client.config import KafkaConfig
from catdog_client.errors import ClientError
from catdog_client.exchange import Record, read_reply
from catdog_client.outcome import Outcome
from catdog_client.seen import Seen, see_answer, see_dead_letter
from catdog_common.messages import Source
from catdog_console.asking import Asks, PhotoProducer
from catdog_console.dead_letters import DeadLetters
from catdog_console.listening import Listener
from catdog_console.places import Places
from catdog_console.strip import Strip
from catdog_console.thumbnails import Thumbnails
from catdog_console.views_of_kafka import Asked, ModelTopics

log = structlog.get_logger()


class ModelTraffic:
    """What comes in a model's topics, once `listen` was called, and what lies in them."""

    def __init__(
        self,
        topics: ModelTopics,
        config: Callable[[], KafkaConfig],
        producer: PhotoProducer,
        drawing: asyncio.Semaphore,
        check_seconds: float,
    ) -> None:
        self._topics, self._config, self._producer = topics, config, producer
        self.thumbnails = Thumbnails(drawing)
        self.strip = Strip(monotonic, lambda: datetime.now(UTC))
        self._places = Places(config)
        self.letters = DeadLetters(topics, self._places, self.thumbnails)
        self._asks = Asks(topics.input, has_shadow=topics.shadow is not None, clock=monotonic)
        followed = (topics.output, topics.dead_letters, *([topics.shadow] if topics.shadow else []))
        self._listener = Listener(followed, config, self, check_seconds)
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def is_awaited(self) -> bool:
        """Whether there is a photo that was sent and has no answer yet."""
        return self._asks.waits

    def listen(self) -> None:
        """Begin to listen, where nobody did."""
        if not self._tasks:
            work = (self._listener.run(), self.strip.run(self._picture))
            self._tasks = [asyncio.create_task(each) for each in work]
            for task in self._tasks:
                task.add_done_callback(self._end)

    async def close(self) -> None:
        """Listen no more, and disconnect."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._places.close()

    async def ask(self, photo: bytes, patience: float) -> Asked:
        """Send a photo, and return what became of it after at most `patience` seconds.

        Raises:
            ClientError: it was not sent.
        """
        self.listen()
        try:
            async with asyncio.timeout(patience):
                await self._listener.ready()
        except TimeoutError as error:
            raise ClientError(f"Kafka does not answer within {patience:g} s: try again") from error
        return await self._asks.ask(photo, self._send, patience)

    async def await_answer(self, identity: str, patience: float) -> Asked | None:
        """Return what has become of a photo; None: it is not known."""
        return await self._asks.wait(identity, patience)

    def begin(self) -> None:
        """As of Ear, and so below."""
        self.strip.begin()

    def fail(self, trouble: str) -> None:  # noqa: D102  of Ear
        self.strip.fail(trouble)

    def recover(self) -> None:  # noqa: D102  of Ear
        self.strip.recover()

    def take(self, record: Record) -> None:  # noqa: D102  of Ear
        is_shadow = record.topic == self._topics.shadow
        if not self._asks.is_empty and (reply := read_reply(record, self._topics.dead_letters)):
            self._asks.hear(reply, is_shadow=is_shadow)
        if not is_shadow and self._is_ours(seen := self._see(record)):
            self.strip.take(seen)

    def _see(self, record: Record) -> Seen:
        return (see_dead_letter if record.topic == self._topics.dead_letters else see_answer)(record)

    def _is_ours(self, seen: Seen) -> bool:
        """Whether it is of this model: others may answer into its topics, or write whatever they like."""
        if seen.source is not None and seen.source.topic != self._topics.input:
            return False
        return seen.kind == "DeadLetter" or (seen.kind == "Answer" and seen.model == self._topics.name)

    def _end(self, task: asyncio.Task[None]) -> None:
        """Say it where what should go on has ended: the fault is ours."""
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("the strip has ended", model=self._topics.name, exc_info=error)
            self.strip.fail(
                "The console is at fault, and says in its log how: open the page again in a minute."
            )

    async def _send(self, photo: bytes, identity: str) -> Outcome:
        return await self._producer.send(self._config(), self._topics.input, photo, identity)

    async def _picture(self, seen: Seen) -> str | None:
        """Return the name of the picture of what is shown, None where there is none."""
        if seen.kind == "DeadLetter":
            kind, place = "letter", Source(seen.topic, seen.partition, seen.offset)
        elif seen.source is not None:
            kind, place = "photo", seen.source
        else:
            return None
        with suppress(ClientError):  # why is told by the strip, if it lasts; an answer is shown without, too
            record = await self._places.read(place.topic, place.partition, place.offset)
            if record is not None and record.value:
                return await self.thumbnails.draw(f"{kind}-{place.partition}-{place.offset}", record.value)
        return None
