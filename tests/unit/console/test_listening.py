"""When the console listens, says that it can't, and begins anew; a real broker is tried in tests/bare."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from aiokafka.errors import KafkaConnectionError, SaslAuthenticationFailed

from catdog_client.config import KafkaConfig
from catdog_client.errors import ClientError
from catdog_client.exchange import RefusedError
from catdog_common.kafka_security import KafkaSecurityError
from catdog_console.listening import Listener

TOPICS = ("pets-predictions", "pets-dead-letters")


class Kafka:
    """Gives records to who follows; fails as it is told."""

    def __init__(self) -> None:
        self.records: asyncio.Queue[str] = asyncio.Queue()
        self.refuses: ClientError | None = None
        self.away: Exception | None = None
        self.away_once: Exception | None = None
        self.looks, self.looked = 0, asyncio.Event()
        self.logins: list[str | None] = []

    @asynccontextmanager
    async def follow(
        self, config: KafkaConfig, topics: Sequence[str], *, from_beginning: bool
    ) -> AsyncIterator[AsyncIterator[str]]:
        assert (tuple(topics), from_beginning) == (TOPICS, False)
        self.logins.append(config.login.security.password())
        if self.refuses is not None:
            raise self.refuses
        yield self._all()

    async def _all(self) -> AsyncIterator[str]:
        while True:
            yield await self.records.get()

    async def find(self, *_: object) -> None:
        self.looks += 1
        self.looked.set()
        if self.away_once is not None:
            error, self.away_once = self.away_once, None
            raise error
        if self.away is not None:
            raise self.away


class Ear:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.journal: list[str] = []
        self.changed = asyncio.Event()

    def note(self, what: str) -> None:
        self.journal.append(what)
        self.changed.set()

    def begin(self) -> None:
        self.note("begin")

    def take(self, record: str) -> None:
        self.note(f"take {record}")

    def fail(self, trouble: str) -> None:
        self.note(f"fail: {trouble}")

    def recover(self) -> None:
        self.note("recover")

    async def until(self, last: str) -> None:
        async with asyncio.timeout(120):
            while not self.journal or self.journal[-1] != last:
                self.changed.clear()
                await self.changed.wait()


@pytest.fixture
def user(tmp_path: Path) -> Path:
    (tmp_path / "password").write_text("first")
    return tmp_path


def config(user: Path) -> KafkaConfig:
    return KafkaConfig(
        kafka_bootstrap_servers="kafka:9092",
        kafka_ca_dir=None,
        kafka_user_dir=user,
        kafka_sasl_mechanism="SCRAM-SHA-512",
        kafka_username="console",
    )


@contextmanager
def running(kafka: Kafka, ear: Ear, user: Path) -> Iterator[Listener]:
    listener = Listener(TOPICS, lambda: config(user), ear, 0.01, follow=kafka.follow, find=kafka.find)
    task = asyncio.create_task(listener.run())
    try:
        yield listener
    finally:
        task.cancel()


async def test_what_comes_is_heard_once_it_listens(user: Path) -> None:
    kafka, ear = Kafka(), Ear()
    with running(kafka, ear, user) as listener:
        await listener.ready()
        kafka.records.put_nowait("a")
        kafka.records.put_nowait("b")
        await ear.until("take b")
    assert ear.journal == ["begin", "take a", "take b"]


async def test_a_kafka_that_is_away_for_a_while_is_said_and_nothing_is_missed(user: Path) -> None:
    kafka, ear = Kafka(), Ear()
    with running(kafka, ear, user) as listener:
        await ear.until("begin")
        kafka.away = KafkaConnectionError("nobody there")
        trouble = (
            "Kafka at kafka:9092 does not let us in: KafkaConnectionError: nobody there. Whoever runs the "
            "console checks its CATDOG_KAFKA_* and whether Kafka runs."
        )
        await ear.until(f"fail: {trouble}")
        with pytest.raises(ClientError, match=r"^Kafka at kafka:9092 does not let us in"):
            await listener.ready()
        kafka.away = KafkaSecurityError("user.crt can't be read")
        await ear.until("fail: User.crt can't be read.")
        kafka.away = None
        await ear.until("recover")
        await listener.ready()
    assert kafka.logins == ["first"], "the consumer goes on where it was"


async def test_one_look_that_fails_is_nothing_to_tell_of(user: Path) -> None:
    kafka, ear = Kafka(), Ear()
    kafka.away_once = KafkaConnectionError("a moment's")
    with running(kafka, ear, user):
        async with asyncio.timeout(60):
            while kafka.looks < 4:
                kafka.looked.clear()
                await kafka.looked.wait()
    assert ear.journal == ["begin"]


async def test_what_cannot_be_followed_is_tried_again(user: Path) -> None:
    kafka, ear = Kafka(), Ear()
    kafka.refuses = RefusedError(f"Kafka at x does not let us in: {SaslAuthenticationFailed()}")
    with running(kafka, ear, user) as listener:
        with pytest.raises(ClientError, match=r"SaslAuthenticationFailed"):
            await listener.ready()
        kafka.refuses = None
        await ear.until("begin")
        await listener.ready()
    assert "catdog" not in "".join(ear.journal), "no word of options of a command"


async def test_with_another_password_it_begins_anew(user: Path) -> None:
    kafka, ear = Kafka(), Ear()
    with running(kafka, ear, user):
        await ear.until("begin")
        ear.journal.clear()
        (user / "password").write_text("second")
        await ear.until("begin")
    assert kafka.logins == ["first", "second"]


async def test_a_login_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    kafka, ear = Kafka(), Ear()
    with running(kafka, ear, tmp_path) as listener:
        with pytest.raises(ClientError, match=r"password can't be read: "):
            await listener.ready()
        (tmp_path / "password").write_text("first")
        await ear.until("begin")
