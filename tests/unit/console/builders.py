"""Models, and a Kafka without brokers, as the console's pages are given them."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from datetime import UTC, datetime
from typing import Any

from catdog_client.comparing import VersionAnswer
from catdog_client.errors import ClientError
from catdog_client.seen import Seen
from catdog_client.version_files import Published
from catdog_common.kafka_binding import KafkaLogin
from catdog_common.kafka_security import KafkaSecurity
from catdog_common.messages import Source
from catdog_console.cluster import Cluster, Key
from catdog_console.parts import Parts
from catdog_console.predictors import Predictors, VersionFiles
from catdog_console.reports import Reports
from catdog_console.traffic import Traffic
from catdog_console.views_of_kafka import Asked, Frame, LetterFile, ModelTopics, Rates, Shown, ShownLetter
from tests.unit.client.builders import VERSIONS
from tests.unit.client.person import body

PETS = Key("kafka", "pets")
URL = "/models/kafka/pets"
KAFKA = {
    "inputTopic": "pets-images",
    "outputTopic": "pets-predictions",
    "deadLetterTopic": "pets-dead-letters",
    "bootstrapServers": "my-cluster-kafka-bootstrap.kafka.svc:9093",
    "securityProtocol": "SSL",
}
DIGEST = "sha256:" + "ab" * 32
EMPTY = Frame((), Rates(None, {}, 0, 0, 0))
SINCE = datetime(2026, 11, 30, 9, 20, 10, tzinfo=UTC)


def pets(**status: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of a status
    """Return a model that serves version 2 of two, and whose digests are known."""
    versions = [{**each, "digest": DIGEST} for each in VERSIONS]
    return body(**{"kafka": KAFKA, "versions": versions, **status})


def an_answer(offset: int, label: str = "cat", identity: str = "tom.jpg") -> Shown:
    seen = Seen(
        kind="Answer",
        id=identity,
        time="2026-11-30T09:20:11Z",
        topic="pets-predictions",
        partition=0,
        offset=offset,
        label=label,
        probabilities={"cat": 0.973, "dog": 0.027},
        version=2,
        source=Source("pets-images", 0, offset),
    )
    return Shown(seen, f"0-{offset}")


class FakeTraffic(Traffic):
    """A Kafka that answers at once; what it was asked for is kept."""

    def __init__(self) -> None:
        self.frames: list[Frame] = [EMPTY]
        self.endless = False
        self.followed: list[ModelTopics] = []
        self.photos: list[bytes] = []
        self.asked = Asked(
            id="7",
            place=Source("pets-images", 0, 41),
            answer=VersionAnswer(2, "cat", {"cat": 0.973, "dog": 0.027}),
            milliseconds=84,
        )
        self.later: Asked | None = None
        self.letters: tuple[ShownLetter, ...] = ()
        self.letter_file: LetterFile | None = None

    async def follow(self, topics: ModelTopics) -> AsyncGenerator[Frame, None]:
        assert topics.output == KAFKA["outputTopic"]
        self.followed.append(topics)
        for frame in self.frames:
            yield frame
        if self.endless:
            await asyncio.Event().wait()

    def thumbnail(self, _: ModelTopics, name: str) -> bytes | None:
        return b"\xff\xd8 a JPEG" if name == "0-41" else None

    async def dead_letters(self, _: ModelTopics) -> tuple[ShownLetter, ...]:
        return self.letters

    async def dead_letter(self, _: ModelTopics, partition: int, offset: int) -> LetterFile | None:
        return self.letter_file if (partition, offset) == (0, 3) else None

    async def ask(self, _: ModelTopics, photo: bytes, patience: float = 10.0) -> Asked:
        assert patience
        self.photos.append(photo)
        return self.asked

    async def await_answer(self, _: ModelTopics, identity: str, patience: float) -> Asked | None:
        assert patience
        return self.later if identity == self.asked.id else None


class FakePredictors(Predictors):
    """Says that all are dogs."""

    async def answer(self, published: Published, files: VersionFiles, photo: bytes) -> VersionAnswer:
        assert files
        if photo == b"damaged":
            raise ClientError("the file is no picture")
        return VersionAnswer(published.version, "dog", {"cat": 0.2, "dog": 0.8})


class FakeReports(Reports):
    """Has the files of any version, or tells why not."""

    def __init__(self, files: Mapping[str, bytes] | None = None) -> None:
        self.contents = files

    async def files(self, _: Key, __: Published) -> Mapping[str, str]:
        if self.contents is None:
            raise ClientError("no worker of pets runs, and workers hand out a version's files")
        return dict.fromkeys(self.contents, "sha256:")

    async def read(self, _: Key, version: Published, name: str) -> bytes:
        if self.contents is None or name not in self.contents:
            raise ClientError(f"version {version.version} of pets has no file {name}")
        return self.contents[name]


def a_login(servers: str = str(KAFKA["bootstrapServers"])) -> KafkaLogin:
    return KafkaLogin(servers, KafkaSecurity(None, None))


def some_parts(
    *bodies: Mapping[str, Any], reports: Reports | None = None, login: KafkaLogin | None = None
) -> Parts:
    """Return what the pages stand on, with these models of the namespace kafka."""
    cluster = Cluster(["kafka"])
    cluster.note("kafka", {each["metadata"]["name"]: dict(each) for each in bodies})
    return Parts(
        cluster, reports or FakeReports(), FakeTraffic(), FakePredictors(), lambda: login or a_login()
    )
