"""Which answer is whose photo's; the way through Kafka is tried in tests/bare with a broker."""

import asyncio

import msgspec
import pytest
from aiokafka.errors import KafkaError
from aiokafka.structs import RecordMetadata

from catdog_client.comparing import VersionAnswer
from catdog_client.config import KafkaConfig
from catdog_client.errors import ClientError
from catdog_client.outcome import Outcome
from catdog_common.messages import Source
from catdog_console.asking import KEPT_SECONDS, Asks, PhotoProducer

ANSWER = VersionAnswer(3, "cat", {"cat": 0.9, "dog": 0.1})


class Clock:
    """A clock that stands still until it is told."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def reply(identity: str | None, version: int = 3) -> Outcome:
    return Outcome(file="", id=identity, label="cat", probabilities={"cat": 0.9, "dog": 0.1}, version=version)


class Topic:
    """Takes photos, and answers as it is told, before the sender knows that it sent."""

    def __init__(self, clock: Clock, *, has_shadow: bool = False) -> None:
        self.clock = clock
        self.asks = Asks("pets-images", has_shadow=has_shadow, clock=clock)
        self.sent: list[str] = []
        self.replies: list[tuple[Outcome, bool]] = []
        self.error: str | None = None
        self.takes = asyncio.Event()
        self.takes.set()

    async def send(self, _: bytes, identity: str) -> Outcome:
        self.sent.append(identity)
        await self.takes.wait()
        self.clock.now += 0.25
        for each, is_shadow in self.replies:
            self.asks.hear(msgspec.structs.replace(each, id=identity), is_shadow=is_shadow)
        if self.error:
            return Outcome(file="", error=self.error)
        return Outcome(file="", id=identity, partition=1, offset=9)


@pytest.fixture
def topic() -> Topic:
    return Topic(Clock())


async def test_an_answer_that_comes_before_the_sender_knows_that_it_sent_is_the_photos(topic: Topic) -> None:
    topic.replies = [(reply(None), False)]
    asked = await topic.asks.ask(b"x", topic.send, 5)
    assert asked.answer == ANSWER
    assert asked.milliseconds == 250
    assert asked.place == Source("pets-images", 1, 9)
    assert (asked.id, asked.waits) == (topic.sent[0], False)


async def test_answers_to_others_are_passed_over_and_a_late_one_is_given_to_who_asks_again(
    topic: Topic,
) -> None:
    asked = await topic.asks.ask(b"x", topic.send, 0)
    assert asked.waits
    assert topic.asks.waits
    topic.asks.hear(reply("another"), is_shadow=False)
    topic.asks.hear(reply(None), is_shadow=False)
    assert (await topic.asks.wait(asked.id, 0)) == asked
    waiting = asyncio.create_task(topic.asks.wait(asked.id, 30))
    await asyncio.sleep(0)
    topic.asks.hear(reply(asked.id), is_shadow=False)
    later = await waiting
    assert later is not None
    assert later.answer == ANSWER
    assert not topic.asks.waits


async def test_a_repeated_answer_changes_nothing(topic: Topic) -> None:
    topic.replies = [(reply(None), False), (reply(None, version=4), False)]
    assert (await topic.asks.ask(b"x", topic.send, 5)).answer == ANSWER


async def test_a_dead_letters_reason_is_what_became_of_the_photo(topic: Topic) -> None:
    topic.replies = [(Outcome(file="", error="there are\x1b no bytes"), False)]
    asked = await topic.asks.ask(b"", topic.send, 5)
    assert asked.error == "The photo became a dead letter: there are\\x1b no bytes."
    assert not asked.waits


async def test_where_a_shadow_answers_its_answer_is_beside() -> None:
    topic = Topic(Clock(), has_shadow=True)
    topic.replies = [(reply(None, version=8), True), (reply(None), False)]
    asked = await topic.asks.ask(b"x", topic.send, 5)
    assert asked.answer == ANSWER
    assert asked.shadow is not None
    assert asked.shadow.version == 8


async def test_a_shadow_that_does_not_answer_holds_the_answer_up_for_a_moment_only() -> None:
    topic = Topic(Clock(), has_shadow=True)
    topic.replies = [(reply(None), False), (Outcome(file="", error="a shadow writes none"), True)]
    async with asyncio.timeout(60):
        asked = await topic.asks.ask(b"x", topic.send, 60)
    assert (asked.answer, asked.shadow, asked.error) == (ANSWER, None, None)


async def test_a_photo_that_was_not_sent_is_said_and_not_waited_for(topic: Topic) -> None:
    topic.error = "has 7 bytes, more than topic pets-images takes; make it smaller"
    with pytest.raises(ClientError, match=r"^the photo has 7 bytes"):
        await topic.asks.ask(b"x", topic.send, 5)
    topic.takes.clear()
    with pytest.raises(ClientError, match=r"^Kafka did not take the photo within 0 s: try again$"):
        await topic.asks.ask(b"x", topic.send, 0)
    assert topic.asks.is_empty


async def test_what_was_asked_long_ago_is_forgotten(topic: Topic) -> None:
    asked = await topic.asks.ask(b"x", topic.send, 0)
    topic.clock.now += KEPT_SECONDS - 1
    assert await topic.asks.wait(asked.id, 0) is not None
    topic.clock.now += 1
    assert await topic.asks.wait(asked.id, 0) is None
    assert not topic.asks.waits


async def test_of_very_many_photos_the_oldest_are_forgotten(topic: Topic) -> None:
    asked = [await topic.asks.ask(b"x", topic.send, 0) for _ in range(201)]
    assert await topic.asks.wait(asked[0].id, 0) is None
    assert await topic.asks.wait(asked[1].id, 0) is not None


class Connection:
    """A producer without a broker: it takes photos, refuses them, or says nothing."""

    def __init__(self, made: list["Connection"], does: str) -> None:
        made.append(self)
        self.does, self.stopped = does, 0
        self.asked, self.may_stop = asyncio.Event(), asyncio.Event()

    async def start(self) -> None:
        assert not self.stopped

    async def stop(self) -> None:
        self.stopped += 1
        await self.may_stop.wait()

    async def send_and_wait(self, topic: str, *_: object, **__: object) -> RecordMetadata:
        self.asked.set()
        if self.does == "says nothing":
            await asyncio.Event().wait()
        if self.does == "refuses":
            raise KafkaError("no")
        return RecordMetadata(topic, 0, None, 9, None, 0, 0)


@pytest.mark.parametrize(
    ("does", "error"), [("says nothing", asyncio.CancelledError), ("refuses", ClientError)]
)
async def test_after_a_photo_that_was_not_taken_the_next_is_sent_by_a_connection_of_its_own(
    does: str, error: type[BaseException]
) -> None:
    made = list[Connection]()
    answers = iter([does, "takes"])
    producer = PhotoProducer(lambda _: Connection(made, next(answers)))
    config = KafkaConfig(
        kafka_bootstrap_servers="nowhere:9092",
        kafka_ca_dir=None,
        kafka_user_dir=None,
        kafka_sasl_mechanism=None,
        kafka_username="",
    )

    async def send() -> Outcome:
        async with asyncio.timeout(60):
            return await producer.send(config, "pets-images", b"x", "7")

    first = asyncio.create_task(send())
    while not made:  # noqa: ASYNC110  it is made in a few steps of the loop
        await asyncio.sleep(0)
    await made[0].asked.wait()
    if does == "says nothing":
        first.cancel()  # as who sends waits no longer
    with pytest.raises(error):
        await first
    assert (await send()).offset == 9  # while the first has yet to send what it was given
    assert (await send()).offset == 9
    await asyncio.sleep(0)
    assert [each.stopped for each in made] == [1, 0]
    for each in made:
        each.may_stop.set()
    await producer.close()
    assert [each.stopped for each in made] == [1, 1]
