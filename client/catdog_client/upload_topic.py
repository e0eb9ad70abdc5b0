"""Puts a folder of labelled photos into a topic, as a model's `spec.training.dataset.kafka` reads it."""

import asyncio
import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)

from catdog_client.config import KafkaConfig
from catdog_client.errors import ClientError
from catdog_client.exchange import ANY_SIZE, connect
from catdog_client.folder import LabelledFile, LeftOut, printable, size_of, unreadable
from catdog_client.size_limit import SizeLimit, find_limit
from catdog_common.artifact import PartitionOffsets
from catdog_common.kafka_topic import find_partitions

_CLIENT_ID = "catdog-upload"
_OVERHEAD_BYTES = 1024  # of a record of ours beside the photo: its key, two headers, its batch's header
_BATCH_BYTES = 256 * 1024
_CHUNK_BYTES, _CHUNK_PHOTOS = 16 * 1024 * 1024, 500  # that are in flight at a time
_STALL_SECONDS = 60.0  # without an acknowledgement: an idempotent producer itself tries for ever
_END_SECONDS = 10.0
_TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)


@dataclass
class Uploaded:
    """What became of a folder's photos."""

    count: int = 0
    left_out: list[LeftOut] = field(default_factory=list)
    _bounds: dict[int, tuple[int, int]] = field(default_factory=dict)

    @property
    def offsets(self) -> tuple[PartitionOffsets, ...]:
        """Of each partition the range that the photos lie in; what others wrote meanwhile is in it too."""
        return tuple(PartitionOffsets(each, *self._bounds[each]) for each in sorted(self._bounds))

    def add(self, partition: int, offset: int) -> None:
        """Note that a photo lies there."""
        start, end = self._bounds.get(partition, (offset, offset + 1))
        self._bounds[partition] = min(start, offset), max(end, offset + 1)
        self.count += 1


class _Content(NamedTuple):
    """A photo as it is sent; its key is its digest, so that the same photo always lies in one partition."""

    name: str
    value: bytes
    key: bytes
    headers: list[tuple[str, bytes]]


async def upload_to_topic(
    photos: Sequence[LabelledFile], config: KafkaConfig, topic: str, on_photo: Callable[[], None]
) -> Uploaded:
    """Put photos into a topic that is there, with their labels and splits as headers; a few are left out.

    Raises:
        ClientError: Kafka lets us not in, or the topic takes no more photos.
    """
    uploaded = Uploaded()
    try:
        connection = connect(config)
        await find_partitions(config.login, topic, _CLIENT_ID)
        limit = await find_limit(connection, topic, config.max_image_bytes, _OVERHEAD_BYTES)
        async with _Writer(connection, topic, limit, uploaded) as writer:
            for chunk in _chunks(photos, limit, uploaded, on_photo):
                await writer.write([content for photo in chunk if (content := await _read(photo, uploaded))])
                for _ in chunk:
                    on_photo()
    except KafkaError as error:
        raise ClientError(_explain(error, config, topic, uploaded)) from error
    return uploaded


def _explain(error: KafkaError, config: KafkaConfig, topic: str, uploaded: Uploaded) -> str:
    if isinstance(error, TopicAuthorizationFailedError):
        return f"topic {topic} may not be written to: ask for the ACLs Describe and Write on it"
    if isinstance(error, UnknownTopicOrPartitionError):
        return f"topic {topic} is not there: create it, or name another in --topic"
    message = f"topic {topic} of {config.kafka_bootstrap_servers} does not take photos: {error}"
    if uploaded.count:
        message += f"; {uploaded.count} are in it, and may be uploaded again: a training counts each once"
    return message


def _chunks(
    photos: Sequence[LabelledFile], limit: SizeLimit, uploaded: Uploaded, on_photo: Callable[[], None]
) -> Iterator[list[LabelledFile]]:
    """Yield photos in portions that memory has room for; what is too large or no file is left out."""
    chunk: list[LabelledFile] = []
    total = 0
    for photo in photos:
        size = size_of(photo)
        if isinstance(size, int) and (excess := limit.excess(size)):
            size = LeftOut(printable(photo.name), excess)
        if isinstance(size, LeftOut):
            uploaded.left_out.append(size)
            on_photo()
            continue
        chunk.append(photo)
        total += size
        if total >= _CHUNK_BYTES or len(chunk) == _CHUNK_PHOTOS:
            yield chunk
            chunk, total = [], 0
    if chunk:
        yield chunk


async def _read(photo: LabelledFile, uploaded: Uploaded) -> _Content | None:
    try:
        value = await asyncio.to_thread(photo.path.read_bytes)
    except OSError as error:
        uploaded.left_out.append(unreadable(photo, error))
        return None
    headers = [("label", photo.label.encode())]
    if photo.split is not None:
        headers.append(("split", photo.split.encode()))
    return _Content(printable(photo.name), value, hashlib.sha256(value).hexdigest().encode(), headers)


class _Writer:
    """Writes into a topic by an idempotent producer; an asynchronous context.

    Its methods raise KafkaError, where the topic takes no photos.
    """

    def __init__(self, connection: dict[str, Any], topic: str, limit: SizeLimit, uploaded: Uploaded) -> None:
        self._connection, self._topic, self._uploaded = connection, topic, uploaded
        self._batch_bytes = max(min(_BATCH_BYTES, limit.image_bytes), 1)

    async def __aenter__(self) -> Self:
        await self._start()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._stop()

    async def write(self, contents: Sequence[_Content]) -> None:
        """Write photos and await that Kafka has them; what the topic has no room for is left out.

        Such a one may have taken others with it, those of its batch and those after it, so each is
        tried once more by itself.
        """
        for content in await self._try(contents):
            if await self._try([content]):
                why = f"has {len(content.value)} bytes, more than topic {self._topic} takes; make it smaller"
                self._uploaded.left_out.append(LeftOut(content.name, why))

    async def _try(self, contents: Sequence[_Content]) -> list[_Content]:
        """Write photos; return those that Kafka has not because one of them is too large."""
        futures = [
            await self._producer.send(self._topic, each.value, key=each.key, headers=each.headers)
            for each in contents
        ]
        await _settle(futures)
        errors = [future.exception() for future in futures]
        failed = [content for content, error in zip(contents, errors, strict=True) if error is not None]
        if failed and not any(isinstance(error, _TOO_LARGE) for error in errors):
            raise next(error for error in errors if error is not None)
        for future, error in zip(futures, errors, strict=True):
            if error is None:
                self._uploaded.add(future.result().partition, future.result().offset)
        if failed:  # a producer's records are numbered, and the broker takes none after a gap
            await self._stop()
            await self._start()
        return failed

    async def _start(self) -> None:
        self._producer = AIOKafkaProducer(
            **self._connection,
            client_id=_CLIENT_ID,
            acks="all",
            enable_idempotence=True,
            max_request_size=ANY_SIZE,
            max_batch_size=self._batch_bytes,
        )
        await self._producer.start()

    async def _stop(self) -> None:
        with suppress(TimeoutError):  # of a broker that is gone it would wait for ever
            async with asyncio.timeout(_END_SECONDS):
                await self._producer.stop()


async def _settle(futures: Sequence[asyncio.Future[Any]]) -> None:
    """Await that each is done, well or badly.

    Raises:
        KafkaTimeoutError: for a minute none was.
    """
    waiting = set(futures)
    while waiting:
        done, waiting = await asyncio.wait(
            waiting, timeout=_STALL_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        if not done:
            raise KafkaTimeoutError(f"nothing was acknowledged within {_STALL_SECONDS:g} s")
