"""Kafka as the console's pages see it: what is answered, what is not, and a photo's way through it."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import Self

from catdog_client.config import KafkaConfig
from catdog_client.errors import ClientError
from catdog_client.size_limit import SizeLimit
from catdog_common.kafka_binding import KafkaLogin
from catdog_common.kafka_security import KafkaSecurityError
from catdog_console.asking import PhotoProducer
from catdog_console.listening import CHECK_SECONDS, tell
from catdog_console.model_traffic import ModelTraffic
from catdog_console.topics import why_out_of_reach
from catdog_console.views_of_kafka import Asked, Frame, LetterFile, ModelTopics, ShownLetter

LINGER_SECONDS = 60.0  # that a model is listened to, and its pictures are kept, where nobody looks any more


class Traffic:
    """All models' topics in the console's Kafka; an asynchronous context, one for the whole process.

    Errors are ClientErrors whose message is a sentence for people: Kafka does not let us in, a topic is not
    there or may not be read, the model's Kafka is another one.
    """

    def __init__(
        self,
        login: Callable[[], KafkaLogin],
        *,
        linger: float = LINGER_SECONDS,
        check_seconds: float = CHECK_SECONDS,
    ) -> None:
        """Take `Config.kafka_login`: it is asked anew for each connection, as files may be renewed.

        Whether Kafka answers is looked at each `check_seconds` while somebody looks.
        """
        self._login, self._linger, self._check_seconds = login, linger, check_seconds
        self._models: dict[ModelTopics, _Kept] = {}
        self._producer = PhotoProducer()
        self._drawing = asyncio.Semaphore(1)
        self._closing = set[asyncio.Task[None]]()

    async def __aenter__(self) -> Self:
        """Begin; nothing is connected until somebody asks."""
        return self

    async def __aexit__(self, *exception: object) -> None:
        """Close all connections."""
        kept = [self._models.pop(topics) for topics in list(self._models)]
        await asyncio.gather(self._producer.close(), *(each.close() for each in kept), *self._closing)

    async def follow(self, topics: ModelTopics) -> AsyncGenerator[Frame, None]:
        """Yield the strip as it is, and whenever it has changed, four times a second at most, without end.

        Trouble is in the frames, and never raised. However many follow a model, one consumer reads, and all
        are given the same frames; a slow follower is given the newest next. To be closed:
        `async with aclosing(traffic.follow(topics)) as frames`.
        """
        async with self._using(topics) as model:
            model.listen()
            async with aclosing(model.strip.frames()) as frames:
                async for frame in frames:
                    yield frame

    def thumbnail(self, topics: ModelTopics, name: str) -> bytes | None:
        """Return a picture of the strip or of the list of dead letters: a JPEG of at most 96 pixels a side.

        They never change, and are kept for as long as they are shown, and a little longer.
        """
        kept = self._models.get(topics)
        return None if kept is None else kept.model.thumbnails.get(name)

    async def dead_letters(self, topics: ModelTopics) -> tuple[ShownLetter, ...]:
        """Return the newest dead letters of a model, newest first.

        Raises:
            ClientError: they can't be read.
        """
        async with self._using(topics) as model:
            return await model.letters.newest()

    async def dead_letter(self, topics: ModelTopics, partition: int, offset: int) -> LetterFile | None:
        """Return the bytes of a dead letter of the model; None: none lies there (any more).

        Raises:
            ClientError: it can't be read.
        """
        async with self._using(topics) as model:
            return await model.letters.file(partition, offset)

    async def ask(self, topics: ModelTopics, photo: bytes, patience: float = 10.0) -> Asked:
        """Send a photo through Kafka, and return what became of it after at most `patience` seconds.

        Never raises ClientError: what is wrong is the `error`.
        """
        limit = SizeLimit(topics.max_image_bytes, f"model {topics.name}")
        if excess := limit.excess(len(photo)):
            return Asked(id="", error=f"The photo {excess}.")
        try:
            async with self._using(topics) as model:
                return await model.ask(photo, patience)
        except ClientError as error:
            return Asked(id="", error=tell(error))

    async def await_answer(self, topics: ModelTopics, identity: str, patience: float) -> Asked | None:
        """Return what has become of a photo that was sent, after at most `patience` seconds.

        None: it is not known (any more): it was sent more than ten minutes ago, or not by us.
        """
        if topics not in self._models:
            return None
        async with self._using(topics) as model:
            return await model.await_answer(identity, patience)

    @asynccontextmanager
    async def _using(self, topics: ModelTopics) -> AsyncIterator[ModelTraffic]:
        kept = self._models.get(topics)
        if kept is None:
            config = partial(self._config, topics)
            model = ModelTraffic(topics, config, self._producer, self._drawing, self._check_seconds)
            kept = self._models[topics] = _Kept(model)
        kept.users += 1
        kept.stay()
        try:
            yield kept.model
        except ClientError as error:
            raise ClientError(tell(error)) from error
        finally:
            kept.users -= 1
            self._leave_later(topics, kept)

    def _leave_later(self, topics: ModelTopics, kept: "_Kept") -> None:
        """Close a model's connections some time after the last one who used them."""
        if kept.users or self._models.get(topics) is not kept:
            return
        kept.leaving = asyncio.get_running_loop().call_later(self._linger, self._leave, topics, kept)

    def _leave(self, topics: ModelTopics, kept: "_Kept") -> None:
        if kept.model.is_awaited:
            self._leave_later(topics, kept)
            return
        del self._models[topics]
        task = asyncio.create_task(kept.model.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _config(self, topics: ModelTopics) -> KafkaConfig:
        try:
            login = self._login()
        except KafkaSecurityError as error:
            raise ClientError(str(error)) from error
        if (why := why_out_of_reach(topics, login)) is not None:
            raise ClientError(why)
        return KafkaConfig(
            kafka_bootstrap_servers=login.servers,
            kafka_ca_dir=login.security.ca_dir,
            kafka_user_dir=login.security.user_dir,
            kafka_sasl_mechanism=login.security.mechanism,
            kafka_username=login.security.username,
        )


class _Kept:
    """A model that somebody uses, or did until just now."""

    def __init__(self, model: ModelTraffic) -> None:
        self.model, self.users = model, 0
        self.leaving: asyncio.TimerHandle | None = None

    def stay(self) -> None:
        if self.leaving is not None:
            self.leaving.cancel()
            self.leaving = None

    async def close(self) -> None:
        self.stay()
        await self.model.close()
