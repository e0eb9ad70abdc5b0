"""The console's side of Kafka, with a real broker and real workers as processes of this machine."""

import asyncio
import io
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import msgspec
import pytest
from confluent_kafka import Producer
from PIL import Image

from catdog_client.errors import ClientError
from catdog_common.kafka_binding import KafkaLogin
from catdog_common.kafka_security import KafkaSecurity
from catdog_common.messages import Answer, Model, OutgoingRecord, Source, SourceRecord, write_dead_letter
from catdog_console.dead_letters import MOST
from catdog_console.places import UNFOLDED_BYTES
from catdog_console.strip import DEAD_LETTER, SHOWN
from catdog_console.traffic import Traffic
from catdog_console.views_of_kafka import Asked, Frame, ModelTopics, Shown
from tests.benchmarks.serving.broker import Broker, kafka_broker
from tests.benchmarks.serving.topics import MAX_MESSAGE_BYTES, PARTITIONS, Topics
from tests.benchmarks.serving.ways import WORKER, Way, environment_of, running
from tests.cluster.cache import default_cache
from tests.cluster.waiting import PATIENCE_SECONDS as PATIENCE
from tests.tiny_version import RED_IS_CAT, picture, publish_tiny_version

RED, BLUE = picture("red"), picture("blue")
BLUE_IS_CAT = msgspec.structs.replace(RED_IS_CAT, weights=((-9.0, 9.0), (0.0, 0.0), (9.0, -9.0)))

numbers = count()


@dataclass(frozen=True)
class Kafka:
    """A broker, and what tests do at it."""

    broker: Broker
    scratch: Path

    def login(self) -> KafkaLogin:
        return KafkaLogin(self.broker.servers, KafkaSecurity(None, None))

    def model(self, *, shadow: bool = False) -> ModelTopics:
        """Return a model of topics that are new."""
        name = f"pets-{next(numbers)}"
        images, answers, letters, beside = (
            f"{name}-{each}" for each in ("images", "answers", "letters", "shadow")
        )
        Topics(self.broker.servers).create(images, answers, letters, beside)
        return ModelTopics(
            namespace="home",
            name=name,
            servers=self.broker.servers,
            input=images,
            output=answers,
            dead_letters=letters,
            shadow=beside if shadow else None,
            max_image_bytes=MAX_MESSAGE_BYTES - 2**20,
        )

    def write(self, *records: OutgoingRecord, partition: int = 0, **settings: str | int) -> list[int]:
        """Append records to a partition; return their offsets."""
        named = {name.replace("_", "."): value for name, value in settings.items()}
        producer = Producer({"bootstrap.servers": self.broker.servers, **named})
        offsets = list[int | None]()
        for each in records:
            producer.produce(
                each.topic,
                each.value,
                each.key,
                partition,
                headers=list(each.headers),
                on_delivery=lambda _, record: offsets.append(record.offset()),
            )
        producer.flush()
        return [each for each in offsets if each is not None]

    def answer(
        self, topics: ModelTopics, offset: int, label: str = "cat", **changes: object
    ) -> OutgoingRecord:
        """Return an answer to the image at a place of partition 0."""
        source = Source(topics.input, 0, offset)
        answer = Answer(f"photo {offset}", label, {"cat": 0.9, "dog": 0.1}, Model(topics.name, 1), source)
        changed = msgspec.structs.replace(answer, **changes)
        return OutgoingRecord(topics.output, None, msgspec.json.encode(changed), ())

    def letter(self, topics: ModelTopics, value: bytes, **changes: object) -> OutgoingRecord:
        """Return a dead letter of a model."""
        source = SourceRecord(topics.input, 0, 7, b"a key", value, (("id", b"a name.txt"),))
        changed = msgspec.structs.replace(source, **changes)
        return write_dead_letter(changed, "NotAnImage", "none of these", topics.dead_letters)

    @contextmanager
    def worker(self, topics: ModelTopics, *, shadow: bool = False) -> Iterator[None]:
        """Run a worker of version 1, to which red is a cat, or a shadow of version 2, to which blue is."""
        storage = self.scratch / topics.name
        version, head = (2, BLUE_IS_CAT) if shadow else (1, RED_IS_CAT)
        publish_tiny_version(storage, topics.name, version, head)
        output = topics.shadow if shadow and topics.shadow else topics.output
        environment = environment_of(
            self.broker.servers, storage, (topics.input, output), f"{topics.name}.{version}"
        )
        own = {
            "CATDOG_MODEL_NAME": topics.name,
            "CATDOG_MODEL_VERSION": str(version),
            "CATDOG_DEAD_LETTER_TOPIC": topics.dead_letters,
        }
        if shadow:
            own["CATDOG_CHAMPION_TOPIC"] = topics.output
        with running(Way("worker", WORKER), environment | own, self.scratch):
            yield


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    scratch = tmp_path_factory.mktemp("kafka")
    with kafka_broker(default_cache(), scratch) as broker:
        yield Kafka(broker, scratch)


@pytest.fixture
async def traffic(kafka: Kafka) -> AsyncIterator[Traffic]:
    async with Traffic(kafka.login, check_seconds=0.5) as traffic:
        yield traffic


async def until(traffic: Traffic, topics: ModelTopics, holds: Callable[[Frame], bool]) -> Frame:
    """Follow the strip until a frame is as wanted."""
    async with asyncio.timeout(PATIENCE), aclosing(traffic.follow(topics)) as frames:
        async for frame in frames:
            if holds(frame):
                return frame
    raise AssertionError("the strip has no end")


def shows_a_dead_letter(frame: Frame) -> bool:
    return bool(frame.shown) and frame.shown[0].seen.kind == "DeadLetter"


def listens(frame: Frame) -> bool:
    return frame.rates.since is not None and frame.trouble is None


async def answered(traffic: Traffic, topics: ModelTopics, photo: bytes) -> Asked:
    asked = await traffic.ask(topics, photo, PATIENCE)
    assert asked.error is None
    assert asked.answer is not None
    return asked


async def test_a_photo_goes_through_kafka_and_comes_back_as_an_answer_with_the_shadows_beside(
    kafka: Kafka, traffic: Traffic
) -> None:
    topics = kafka.model(shadow=True)
    with kafka.worker(topics), kafka.worker(topics, shadow=True):
        async with asyncio.timeout(PATIENCE):
            while (asked := await answered(traffic, topics, RED)).shadow is None:  # until it has joined too
                pass
        assert asked.answer is not None
        assert (asked.answer.label, asked.answer.version) == ("cat", 1)
        assert sum(asked.answer.probabilities.values()) == pytest.approx(1)
        assert (asked.shadow.label, asked.shadow.version) == ("dog", 2)
        assert asked.place is not None
        assert asked.place.topic == topics.input
        assert asked.milliseconds is not None
        blue = await answered(traffic, topics, BLUE)
        assert blue.answer is not None
        assert blue.answer.label == "dog"

        letter = await traffic.ask(topics, b"GIF of nothing", PATIENCE)
        assert letter.answer is None
        assert letter.error is not None
        assert letter.error.startswith("The photo became a dead letter: these 14 bytes are none of JPEG, PNG")
        assert not letter.waits

        frame = await until(traffic, topics, shows_a_dead_letter)
        assert (frame.shown[0].seen.reason, frame.shown[0].thumbnail) == ("NotAnImage", None)
        assert frame.rates.dead_letters == 1
        assert len(frame.shown) > 2
        assert {each.seen.version for each in frame.shown[1:]} == {1}, "the shadow's are not in the strip"


async def test_a_photo_that_nobody_answers_yet_is_answered_once_a_worker_is_there(
    kafka: Kafka, traffic: Traffic
) -> None:
    topics = kafka.model()
    asked = await traffic.ask(topics, RED, 1.0)
    assert asked.waits
    assert asked.place is not None
    with kafka.worker(topics):
        later = await traffic.await_answer(topics, asked.id, PATIENCE)
    assert later is not None
    assert later.answer is not None
    assert later.answer.label == "cat"
    assert later.place == asked.place
    assert await traffic.await_answer(topics, "another", PATIENCE) is None


async def test_the_strip_shows_what_is_answered_with_the_picture_that_lies_in_the_input_topic(
    kafka: Kafka, traffic: Traffic
) -> None:
    topics = kafka.model()
    photos = [picture("lime", (640, 480)), picture("red", (60, 300), "PNG")]
    first, second = kafka.write(*(OutgoingRecord(topics.input, None, each, ()) for each in photos))
    await until(traffic, topics, listens)
    kafka.write(kafka.answer(topics, first), kafka.answer(topics, second, "unknown"))
    async with aclosing(traffic.follow(topics)) as frames:
        frame = await until(traffic, topics, lambda frame: len(frame.shown) == 2)
        unknown, cat = frame.shown
        assert (cat.seen.id, cat.seen.label, cat.seen.version) == (f"photo {first}", "cat", 1)
        assert unknown.seen.label == "unknown"
        assert colour_and_size(traffic, topics, cat) == ((0, 255, 1), (96, 72))
        assert colour_and_size(traffic, topics, unknown) == ((254, 0, 0), (19, 96))
        assert traffic.thumbnail(topics, "another") is None
        assert await anext(frames) == frame, "one who comes later sees it too"


def colour_and_size(
    traffic: Traffic, topics: ModelTopics, shown: Shown
) -> tuple[tuple[int, ...], tuple[int, int]]:
    assert shown.thumbnail is not None
    content = traffic.thumbnail(topics, shown.thumbnail)
    assert content is not None
    with Image.open(io.BytesIO(content)) as image:
        assert image.format == "JPEG"
        colour = image.getpixel((5, 5))
        assert isinstance(colour, tuple)
        return tuple(int(each) for each in colour), image.size


async def test_of_many_answers_few_are_shown_and_all_are_counted(kafka: Kafka, traffic: Traffic) -> None:
    topics = kafka.model()
    [place] = kafka.write(OutgoingRecord(topics.input, None, RED, ()))
    await until(traffic, topics, listens)
    many = [kafka.answer(topics, place, label) for label in ("cat", "dog", "cat", "unknown") * 250]
    async with aclosing(traffic.follow(topics)) as frames, aclosing(traffic.follow(topics)) as others:
        kafka.write(*many)
        frame = await until(
            traffic, topics, lambda frame: frame.rates.answers == 1000 and frame.rates.per_second["cat"] > 0
        )
        assert await anext(frames) is await anext(others), "what is written of a frame serves for all"
        rates = frame.rates.per_second
        assert rates["cat"] == pytest.approx(2 * rates["dog"], abs=0.11)
        assert rates["dog"] == rates["unknown"]
        assert rates[DEAD_LETTER] == 0
        done = await until(traffic, topics, lambda each: each.rates.per_second["cat"] == 0)
    assert done.rates.not_shown >= 900
    assert len(done.shown) <= SHOWN
    assert done.rates.answers == 1000


async def test_what_is_no_answer_of_the_model_is_passed_over(kafka: Kafka, traffic: Traffic) -> None:
    topics = kafka.model()
    await until(traffic, topics, listens)
    strangers = [
        kafka.answer(topics, 0, model=Model("another", 1)),
        kafka.answer(topics, 0, source=Source("another", 0, 0)),
        OutgoingRecord(topics.output, None, b"no answer", ()),
        OutgoingRecord(topics.output, None, None, ()),
        kafka.letter(topics, b"x", topic="another"),
    ]
    kafka.write(*strangers)
    kafka.write(kafka.answer(topics, 5, id="\x1b[31mred"))  # of an image that is not there (any more)
    frame = await until(traffic, topics, lambda frame: bool(frame.shown))
    assert [each.seen.id for each in frame.shown] == ["\\x1b[31mred"]
    assert frame.shown[0].thumbnail is None
    assert (frame.rates.answers, frame.rates.dead_letters, frame.rates.not_shown) == (1, 0, 0)


async def test_an_answer_to_a_place_that_cannot_be_is_shown_without_a_picture(
    kafka: Kafka, traffic: Traffic
) -> None:
    topics = kafka.model()
    await until(traffic, topics, listens)
    places = [(PARTITIONS, 0), (-1, 0), (2**40, 0), (0, -1), (0, 2**70)]
    kafka.write(*(kafka.answer(topics, 0, source=Source(topics.input, *place)) for place in places))
    frame = await until(traffic, topics, lambda frame: len(frame.shown) == len(places) and not frame.trouble)
    assert [each.thumbnail for each in frame.shown] == [None] * len(places)


async def test_the_newest_dead_letters_are_listed_and_their_bytes_handed_out(
    kafka: Kafka, traffic: Traffic
) -> None:
    topics = kafka.model()
    kafka.write(*(kafka.letter(topics, b"old %d" % each) for each in range(MOST)))
    kafka.write(kafka.letter(topics, b"another's", topic="another"), partition=1)
    kafka.write(kafka.letter(topics, RED), partition=2)
    [last] = kafka.write(kafka.letter(topics, b"the last one"), partition=1)
    letters = await traffic.dead_letters(topics)
    assert len(letters) == MOST
    newest, red, *older = (each.letter for each in letters)
    assert (newest.partition, newest.offset, newest.reason, newest.message) == (
        1,
        last,
        "NotAnImage",
        "none of these",
    )
    assert (newest.size, newest.id) == (12, "a name.txt")
    assert newest.source == Source(topics.input, 0, 7)
    assert (red.partition, red.size) == (2, len(RED))
    assert [each.offset for each in older] == list(range(MOST - 1, 1, -1))
    assert [each.thumbnail for each in letters] == [None, "letter-2-0", *[None] * len(older)]
    assert traffic.thumbnail(topics, "letter-2-0") is not None

    file = await traffic.dead_letter(topics, 1, last)
    assert file is not None
    assert (file.name, file.content) == (f"1-{last}-a name.txt", b"the last one")
    for place in ((1, 0), (1, last + 1), (PARTITIONS, 0), (0, -1)):  # another's, none yet, never any
        assert await traffic.dead_letter(topics, *place) is None

    kafka.write(kafka.letter(topics, b"and one more"), partition=3)
    again = await traffic.dead_letters(topics)
    assert again[0].letter.size == 12
    assert again[1:] == letters[:-1]


async def test_what_would_unfold_to_more_than_the_console_has_room_for_is_left_as_it_is(
    kafka: Kafka, traffic: Traffic
) -> None:
    topics = kafka.model()
    await until(traffic, topics, listens)
    bomb = kafka.letter(topics, bytes(UNFOLDED_BYTES + 1))
    kafka.write(bomb, compression_type="zstd", message_max_bytes=2 * UNFOLDED_BYTES)
    frame = await until(traffic, topics, lambda frame: bool(frame.shown))
    assert (frame.shown[0].seen.reason, frame.shown[0].thumbnail) == ("TooLargeToRead", None)
    [letter] = await traffic.dead_letters(topics)
    assert (letter.letter.reason, letter.letter.size) == ("TooLargeToRead", None)


async def test_a_topic_without_dead_letters_has_an_empty_list(kafka: Kafka, traffic: Traffic) -> None:
    assert await traffic.dead_letters(kafka.model()) == ()


async def test_a_topic_that_is_not_there_is_said_with_what_to_look_at(kafka: Kafka, traffic: Traffic) -> None:
    absent = msgspec.structs.replace(
        kafka.model(), input="absent-i", output="absent-o", dead_letters="absent-d"
    )
    frame = await until(traffic, absent, lambda frame: frame.trouble is not None)
    assert frame.trouble == "Topic absent-o is not there: is the model's condition KafkaReady true?"
    assert (await traffic.ask(absent, RED)).error == frame.trouble
    with pytest.raises(ClientError, match=r"^Topic absent-d is not there: is the model's .* true\?$"):
        await traffic.dead_letters(absent)


async def test_a_kafka_that_answers_no_more_is_said_and_what_came_meanwhile_is_not_missed(
    kafka: Kafka, traffic: Traffic
) -> None:
    topics = kafka.model()
    await until(traffic, topics, listens)
    os.kill(kafka.broker.pid, signal.SIGSTOP)
    try:
        frame = await until(traffic, topics, lambda frame: frame.trouble is not None)
    finally:
        os.kill(kafka.broker.pid, signal.SIGCONT)
    assert frame.trouble is not None
    assert frame.trouble.startswith(f"Kafka at {kafka.broker.servers} does not let us in: ")
    kafka.write(kafka.answer(topics, 0))
    frame = await until(traffic, topics, lambda frame: bool(frame.shown) and frame.trouble is None)
    assert frame.rates.answers == 1


async def test_a_photo_of_more_bytes_than_the_model_takes_is_not_sent(kafka: Kafka, traffic: Traffic) -> None:
    topics = msgspec.structs.replace(kafka.model(), max_image_bytes=10)
    asked = await traffic.ask(topics, RED)
    assert asked.error == (
        f"The photo has {len(RED)} bytes, more than the 10 that model {topics.name} allows; make it smaller."
    )


async def test_where_nobody_looks_nothing_is_connected(kafka: Kafka) -> None:
    topics = kafka.model()
    async with Traffic(kafka.login, linger=0.0) as traffic:
        before = connections()
        await until(traffic, topics, listens)
        assert connections() > before
        await traffic.dead_letters(topics)
        async with asyncio.timeout(PATIENCE):
            while connections() > before:  # noqa: ASYNC110  sockets tell nobody
                await asyncio.sleep(0.05)
        await until(traffic, topics, listens)  # and it begins anew


def connections() -> int:
    """Return how many sockets this process has."""
    return sum(is_socket(each) for each in Path("/proc/self/fd").iterdir())


def is_socket(descriptor: Path) -> bool:
    try:
        return str(descriptor.readlink()).startswith("socket:")
    except OSError:  # it was closed meanwhile
        return False
