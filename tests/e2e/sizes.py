"""Records as large as a model's topics take them, and what becomes of them."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from catdog_common.messages import (
    ERROR_CLASS_HEADER,
    ERROR_MESSAGE_HEADER,
    ERROR_OFFSET_HEADER,
    ERROR_PARTITION_HEADER,
    ERROR_TOPIC_HEADER,
)
from tests.cluster.waiting import PATIENCE_SECONDS
from tests.e2e.kafka import Record, first_record_at
from tests.e2e.kafka_clients import administering, producing
from tests.tiny_version import picture

KEY_BYTES = 32 * 1024
# Headers and key may have 64 KiB together; what frames a record is taken off.
HEADER_BYTES = 32 * 1024 - 128


@dataclass(frozen=True)
class Topics:
    """The topics of a model, and what an aiokafka client needs to reach them."""

    connection: dict[str, Any]
    model: str

    @property
    def images(self) -> str:
        """The input topic."""
        return f"{self.model}-images"

    @property
    def answers(self) -> str:
        """The output topic."""
        return f"{self.model}-predictions"

    @property
    def dead_letters(self) -> str:
        """The topic of what is no image."""
        return f"{self.model}-dead-letters"

    async def send(
        self,
        value: bytes,
        key: bytes | None = None,
        headers: list[tuple[str, bytes | None]] | None = None,
        **options: Any,  # noqa: ANN401 - aiokafka's
    ) -> tuple[int, int]:
        """Send a record of any size; return its partition and offset."""
        async with producing(**self.connection, max_request_size=2**30, **options) as producer:
            sent = await producer.send_and_wait(self.images, value, key=key, headers=headers or [])
        return sent.partition, sent.offset

    async def first(
        self, topic: str, holds: Callable[[Record], bool], seconds: float = PATIENCE_SECONDS
    ) -> Record:
        """Return the first record of a topic for which `holds` is true."""
        return await first_record_at(self.connection, topic, holds, seconds)

    async def await_limits(self, image_bytes: int) -> None:
        """Wait until the broker allows 64 KiB beside an image, 128 in a dead letter, and answers its own."""
        expected = {
            self.images: image_bytes + 64 * 1024,
            self.answers: 1024 * 1024 + 12,
            self.dead_letters: image_bytes + 128 * 1024,
        }
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await self.limits() != expected:  # noqa: ASYNC110 - nothing announces it
                await asyncio.sleep(0.5)

    async def limits(self) -> dict[str, int]:
        """Return the most bytes of a record that the broker allows on each topic."""
        setting = {"max.message.bytes": None}
        names = (self.images, self.answers, self.dead_letters)
        async with administering(**self.connection) as admin:
            (response,) = await admin.describe_configs(
                [ConfigResource(ConfigResourceType.TOPIC, name, setting) for name in names]
            )
        return {name: int(entries[0][1]) for _, _, _, name, entries in response.resources}


async def check_largest_dead_letter(
    topics: Topics, image_bytes: int, seconds: float = PATIENCE_SECONDS
) -> None:
    """Send what is no image, as large as may be, with all the key and headers there is room for."""
    value, key, header = noise(image_bytes), noise(KEY_BYTES), noise(HEADER_BYTES)
    partition, offset = await topics.send(value, key, [("from", header), ("none", None)])
    letter = await topics.first(topics.dead_letters, lambda record: record.key == key, seconds)
    is_unchanged = letter.value == value  # apart from the assertion, which would print both
    assert is_unchanged
    assert letter.headers[:2] == (("from", header), ("none", None))
    told = dict(letter.headers[2:])
    assert told.pop(ERROR_MESSAGE_HEADER)
    assert told == {
        ERROR_TOPIC_HEADER: topics.images.encode(),
        ERROR_PARTITION_HEADER: str(partition).encode(),
        ERROR_OFFSET_HEADER: str(offset).encode(),
        ERROR_CLASS_HEADER: b"UnreadableImageError.NotAnImage",
    }


async def check_largest_picture(topics: Topics, image_bytes: int, seconds: float = PATIENCE_SECONDS) -> None:
    """Send a picture as large as may be; it is answered."""
    key = noise(16)
    await topics.send(picture_of(image_bytes), key)
    answer = await topics.first(topics.answers, lambda record: record.key == key, seconds)
    assert b'"label":"cat"' in answer.value


def picture_of(size: int) -> bytes:
    """Return a picture's file with so much behind its end that it has this size."""
    photo = picture("red")
    return photo + noise(size - len(photo))


def noise(size: int) -> bytes:
    """Return so many bytes that are no image, and that nothing makes smaller."""
    return os.urandom(size)
