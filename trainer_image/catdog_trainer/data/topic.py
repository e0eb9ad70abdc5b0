"""Photos in a topic: each the value of a record, with its label and perhaps its split as headers.

Which offsets are read is asked for, or else fixed as the training begins and kept beside its work, so that a
pod that comes after another reads the same. Each record is read once: its bytes lie in a file without a name
on the pod's scratch space until the training ends, whatever becomes of the topic meanwhile.
"""

import asyncio
import hashlib
import tempfile
import weakref
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from os import pread
from pathlib import Path

import msgspec
import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.errors import KafkaError

from catdog_common.artifact import LABELS, PartitionOffsets
from catdog_common.kafka_batches import Folded
from catdog_common.kafka_security import KafkaSecurityError
from catdog_common.kafka_topic import find_partitions
from catdog_trainer.data import SPLITS, Dataset, Photo, Split, split_of
from catdog_trainer.data.addresses import OFFSETS_FILE, TopicAddress
from catdog_trainer.data.topic_errors import explain, not_there, nothing_labelled, too_large
from catdog_trainer.data.topic_reader import CLIENT_ID, bounds_of, consuming, newest, records_of
from catdog_trainer.files import write_whole

_SECONDS = 60.0  # to get to know which records there are
_SHOWN_CHARACTERS = 20  # of a header

_logger = structlog.get_logger(__name__)


class Spool:
    """Photos on the scratch space, for as long as this lives."""

    def __init__(self, address: TopicAddress) -> None:
        self._address = address
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed with the last photo
        weakref.finalize(self, self._file.close)
        self._size = 0

    def keep(self, content: bytes) -> partial[bytes]:
        """Write a photo; return what reads it.

        Raises:
            DataError: TopicTooLarge, where all of them come to more than they may.
            OSError: the scratch space is full.
        """
        start, self._size = self._size, self._size + len(content)
        if self._size > self._address.spool_bytes:
            raise too_large(self._address)
        left = memoryview(content)
        while left:  # a disk that is nearly full takes a part, and only then says so
            left = left[self._file.write(left) :]
        return partial(self._read, start, len(content))

    def _read(self, start: int, length: int) -> bytes:
        return pread(self._file.fileno(), length, start)


def read_topic(address: TopicAddress, work_dir: Path) -> Dataset:
    """Return the photos of the records that are asked for, else of the newest; what has no label is named.

    Raises:
        DataError: TopicNotFound, AccessDenied, EndpointUnreachable, KafkaUnusable, DataChanged,
            TopicTooLarge, OffsetsNotFound, or DataNotFound where no record has a label.
    """
    return asyncio.run(_read_topic(address, work_dir))


async def _read_topic(address: TopicAddress, work_dir: Path) -> Dataset:
    try:
        async with asyncio.timeout(_SECONDS):
            partitions = await find_partitions(address.login(), address.name, CLIENT_ID)
        async with consuming(address.login()) as consumer:
            async with asyncio.timeout(_SECONDS):
                bounds = await bounds_of(consumer, address.name, partitions)
            if address.offsets:
                offsets = check_offsets(bounds, address)
            else:
                offsets = fix_offsets(bounds, address.max_images, work_dir)
            _logger.info("offsets fixed", topic=address.name, offsets=msgspec.to_builtins(offsets))
            return await gather_photos(consumer, address, offsets)
    except (KafkaError, KafkaSecurityError, TimeoutError) as error:
        raise await explain(error, address) from error


def fix_offsets(
    bounds: Sequence[PartitionOffsets], most: int, work_dir: Path
) -> tuple[PartitionOffsets, ...]:
    """Return what an earlier pod of this training fixed, if it is all there still; else fix it now."""
    file = work_dir / OFFSETS_FILE
    if file.exists():
        known = msgspec.json.decode(file.read_bytes(), type=tuple[PartitionOffsets, ...])
        there = {each.partition: each for each in bounds}
        if all(_is_within(each, there.get(each.partition)) for each in known):
            return known
    fixed = newest(bounds, most)
    work_dir.mkdir(parents=True, exist_ok=True)
    write_whole(file, msgspec.json.encode(fixed))
    return fixed


def check_offsets(bounds: Sequence[PartitionOffsets], address: TopicAddress) -> tuple[PartitionOffsets, ...]:
    """Return the offsets that are asked for, if they are all there.

    Raises:
        DataError: OffsetsNotFound, with the first that are not, and what there is.
    """
    there = {each.partition: each for each in bounds}
    for asked in address.offsets:
        found = there.get(asked.partition)
        if asked.start < asked.end and not _is_within(asked, found):
            raise not_there(address, asked, found, len(bounds))
    return address.offsets


def _is_within(known: PartitionOffsets, there: PartitionOffsets | None) -> bool:
    return there is not None and there.start <= known.start and known.end <= there.end


async def gather_photos(
    consumer: AIOKafkaConsumer, address: TopicAddress, offsets: tuple[PartitionOffsets, ...]
) -> Dataset:
    """Return the photos with these offsets.

    Raises:
        KafkaError: as `records_of` does.
        DataError: TopicTooLarge, or DataNotFound.
    """
    photos: list[Photo] = []
    unreadable: list[str] = []
    spool = Spool(address)
    async for record in records_of(consumer, address.name, offsets):
        found = _read_record(record, spool)
        if isinstance(found, Photo):
            photos.append(found)
        else:
            unreadable.append(found)
    if not photos:
        raise nothing_labelled(address, len(unreadable))
    source = f"topic {address.name}"
    layout = (f"{source} with header label: {{label}}",)
    return replace(Dataset.gather(source, layout, photos, unreadable), offsets=offsets)


def _read_record(record: ConsumerRecord[bytes, bytes], spool: Spool) -> Photo | str:
    """Return a record's photo, or its name and why it has none."""
    name = f"{record.topic}/{record.partition}/{record.offset}"
    headers = dict(record.headers)  # of several with one name the last counts
    label, split = _text(headers.get("label")), _text(headers.get("split"))
    if isinstance(record.value, Folded):
        return f"{name} (in a compressed batch that is too large, or damaged)"
    if record.value is None:
        return f"{name} (no value)"
    if label not in LABELS:
        return f"{name} (no label)" if label is None else f"{name} (label {label})"
    declared = _split(split)
    if split is not None and declared is None:
        return f"{name} (split {split})"
    digest = hashlib.sha256(record.value).hexdigest()
    return Photo(digest, label, declared or split_of(digest), name, spool.keep(record.value))


def _split(text: str | None) -> Split | None:
    return next((each for each in SPLITS if each == text), None)


def _text(header: bytes | None) -> str | None:
    """Return a header as text that any encoder takes, and that is not long."""
    if header is None:
        return None
    text = header.decode(errors="backslashreplace")
    shown = text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"
    return shown if shown.isprintable() else ascii(shown)
