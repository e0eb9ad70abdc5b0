"""Hears what becomes of a model's images from now on, for as long as somebody wants to know."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import NoReturn, Protocol, TypeAlias

from aiokafka.errors import KafkaError

from catdog_client.config import KafkaConfig
from catdog_client.errors import ClientError
from catdog_client.exchange import Record, RefusedError, refused
from catdog_client.reading import following
from catdog_client.text import sentence
from catdog_common.kafka_binding import KafkaLogin
from catdog_common.kafka_security import KafkaSecurityError
from catdog_common.kafka_topic import find_partitions
from catdog_console.places import UNFOLDED_BYTES

_CLIENT_ID = "catdog-console"
CHECK_SECONDS = 10.0
_CHECK_PATIENCE_SECONDS = 5.0
_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 1.0, 15.0
_AT_A_TIME = 100  # records

Follow: TypeAlias = Callable[..., AbstractAsyncContextManager[AsyncIterator[Record]]]
Find: TypeAlias = Callable[[KafkaLogin, str, str], Awaitable[object]]

_FOLLOW: Follow = partial(following, unfolded_bytes=UNFOLDED_BYTES)


class Ear(Protocol):
    """What is told of what is heard; none of it waits."""

    def begin(self) -> None:
        """Know that we listen from now on."""

    def take(self, record: Record) -> None:
        """Take a record that came."""

    def fail(self, trouble: str) -> None:
        """Know that nothing can come, and why: a sentence; until `begin` or `recover`."""

    def recover(self) -> None:
        """Know that Kafka is there again, and nothing was missed."""


class Listener:
    """Follows topics of a model; what fails is tried again."""

    def __init__(
        self,
        topics: tuple[str, ...],
        config: Callable[[], KafkaConfig],
        ear: Ear,
        check_seconds: float,
        *,
        follow: Follow = _FOLLOW,
        find: Find = find_partitions,
    ) -> None:
        """Take topics, and who is asked for the way into Kafka each time.

        `config` raises ClientError where there is none. Every `check_seconds` a topic's partitions are looked
        up, as one who comes anew would.
        """
        self._topics, self._config, self._ear = topics, config, ear
        self._check_seconds = check_seconds
        self._follow, self._find = follow, find
        self._tried = asyncio.Event()
        self._trouble: str | None = None

    async def ready(self) -> None:
        """Wait until what comes is heard.

        Raises:
            ClientError: nothing can come; the message is a sentence.
        """
        await self._tried.wait()
        if self._trouble is not None:
            raise ClientError(self._trouble)

    async def run(self) -> NoReturn:
        """Listen without end."""
        pause = _PAUSE_SECONDS
        while True:
            try:
                await self._listen()
                pause = _PAUSE_SECONDS
            except ClientError as error:
                self._fail(tell(error))
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    async def _listen(self) -> None:
        """Listen until the password is another: aiokafka would go on with the one that it was given.

        Raises:
            ClientError: nothing can come now.
        """
        config = self._config()
        password = _password(config)
        async with self._follow(config, self._topics, from_beginning=False) as records:
            self._trouble = None
            self._tried.set()
            self._ear.begin()
            tasks = [asyncio.create_task(self._hear(records)), asyncio.create_task(self._check(password))]
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for each in done:
                    each.result()
            finally:
                for each in tasks:
                    each.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _hear(self, records: AsyncIterator[Record]) -> None:
        heard = 0
        async for record in records:
            self._ear.take(record)
            heard += 1
            if heard % _AT_A_TIME == 0:  # of what has come already there may be much, and pages wait
                await asyncio.sleep(0)

    async def _check(self, password: str | None) -> None:
        """Look whether Kafka answers, of which a consumer says nothing, until the password is another."""
        missed = False
        while True:
            await asyncio.sleep(self._check_seconds)
            config = self._config()
            if _password(config) != password:
                return
            trouble = await self._look(config)
            if trouble is None:
                self._recover()
            elif missed:  # twice in a row: once may be a moment's
                self._fail(trouble)
            missed = trouble is not None

    async def _look(self, config: KafkaConfig) -> str | None:
        """Return why Kafka does not answer one who comes anew, None if it does."""
        try:
            async with asyncio.timeout(_CHECK_PATIENCE_SECONDS):
                await self._find(config.login, self._topics[0], _CLIENT_ID)
        except (KafkaError, TimeoutError) as error:
            return tell(refused(config, error))
        except KafkaSecurityError as error:
            return sentence(str(error))
        return None

    def _fail(self, trouble: str) -> None:
        self._trouble = trouble
        self._tried.set()
        self._ear.fail(trouble)

    def _recover(self) -> None:
        if self._trouble is not None:
            self._trouble = None
            self._ear.recover()


def _password(config: KafkaConfig) -> str | None:
    """Return the password as it is now, if we are let in by one.

    Raises:
        ClientError: its file can't be read.
    """
    try:
        return config.login.security.password()
    except KafkaSecurityError as error:
        raise ClientError(str(error)) from error


def tell(error: ClientError) -> str:
    """Return what a page says of an error: what is to be done at a terminal is nothing to its readers."""
    if isinstance(error, RefusedError):
        return f"{error.fact}. Whoever runs the console checks its CATDOG_KAFKA_* and whether Kafka runs."
    return sentence(str(error))
