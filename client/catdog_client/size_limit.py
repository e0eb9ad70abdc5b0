"""How large an image may be: as the person says, else as the input topic does."""

from typing import Any

import msgspec
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

RECORD_OVERHEAD_BYTES = 64 * 1024  # what topics of images allow beside the image itself
DEFAULT_IMAGE_BYTES = 10 * 1024 * 1024  # of spec.kafka.maxImageBytes

_SETTING = "max.message.bytes"


class SizeLimit(msgspec.Struct, frozen=True):
    """The most bytes that an image may have, and who says so."""

    image_bytes: int
    of: str

    def excess(self, size: int) -> str | None:
        """Return what is to be said of an image of so many bytes if it is too large, else None."""
        if size <= self.image_bytes:
            return None
        return f"has {size} bytes, more than the {self.image_bytes} that {self.of} allows; make it smaller"


async def find_limit(
    connection: dict[str, Any], topic: str, told: int | None, overhead: int = RECORD_OVERHEAD_BYTES
) -> SizeLimit:
    """Return the limit that was told, else the topic's, else (where we may not ask for it) the default.

    `overhead` are the bytes that a record may have beside the image.

    Raises:
        KafkaError: Kafka can't be reached.
    """
    if told is not None:
        return SizeLimit(told, "--max-image-bytes")
    allowed = await _largest_record(connection, topic)
    if allowed is None:
        return SizeLimit(DEFAULT_IMAGE_BYTES, "maxImageBytes by default")
    return SizeLimit(max(allowed - overhead, 0), f"topic {topic}")


async def _largest_record(connection: dict[str, Any], topic: str) -> int | None:
    admin = AIOKafkaAdminClient(**connection)
    await admin.start()
    try:
        asked = ConfigResource(ConfigResourceType.TOPIC, topic, {_SETTING: None})
        responses = await admin.describe_configs([asked])
    finally:
        await admin.close()
    # Of a topic that is not there, or whose settings we may not see, there are none.
    settings = [entry for response in responses for *_, entries in response.resources for entry in entries]
    return next((int(value) for name, value, *_ in settings if name == _SETTING), None)
