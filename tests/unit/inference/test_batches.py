"""Whatever a batch holds, its records are read, or stood for."""

import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import PartitionRecords
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c
from aiokafka.structs import ConsumerRecord, TopicPartition

from catdog_common.kafka_batches import Batches, Folded, UnfoldError, bound_batches, unfold
from tests.unit.common.decode_all import peak_memory
from tests.unit.inference.conftest import Serving
from tests.unit.inference.fake_broker import FakeBroker

CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
COMPRESSED = {name: codec for name, codec in CODECS.items() if codec}
MOST = 1024 * 1024
HEADER_BYTES = 61
ATTRIBUTES_FROM = 21  # where what the CRC is over begins


def batch_of(values: list[bytes | None], codec: int, header: str = "name") -> bytes:
    """Return a batch as a producer of aiokafka's makes it."""
    builder = DefaultRecordBatchBuilder(2, codec, 0, -1, -1, -1, 2**31 - 1)
    for number, value in enumerate(values):
        builder.append(
            number, 1000 + number, b"key %d" % number, value, [(header, b"content"), ("none", None)]
        )
    return bytes(builder.build())


def read(data: bytes, most: int = MOST, offset: int = 0) -> list[ConsumerRecord[bytes, bytes]]:
    """Return what aiokafka's fetcher makes of a broker's answer."""
    place = TopicPartition("pets-images", 0)
    return list(PartitionRecords(place, Batches(data, most), [], offset, None, None, True, 0))  # noqa: FBT003


def with_odd_headers(data: bytes) -> bytes:
    """Return an uncompressed batch whose headers' names were written in Latin-1."""
    odd = bytearray(data.replace(b"gr__e", b"gr\xf6\xdfe"))
    struct.pack_into(">I", odd, ATTRIBUTES_FROM - 4, calc_crc32c(bytes(odd[ATTRIBUTES_FROM:])))
    return bytes(odd)


@pytest.fixture
def restored() -> Iterator[None]:
    aiokafkas = fetcher.MemoryRecords
    yield
    fetcher.MemoryRecords = aiokafkas


@pytest.mark.parametrize("codec", CODECS)
def test_all_of_a_batch_is_read_as_it_was_sent(codec: str) -> None:
    values = [b"", None, b"x" * 70_000, bytes(range(256))]
    another = struct.pack(">q", len(values)) + batch_of([b"another"], CODECS[codec])[8:]  # at this offset
    records = read(batch_of(values, CODECS[codec]) + another)
    assert [record.value for record in records] == [*values, b"another"]
    first = records[0]
    assert (first.offset, first.timestamp, first.key) == (0, 1000, b"key 0")
    assert first.headers == (("name", b"content"), ("none", None))


@pytest.mark.parametrize("codec", COMPRESSED)
def test_a_batch_that_unfolds_to_too_much_is_stood_for_record_by_record(codec: str) -> None:
    records = read(batch_of([bytes(MOST - 1000), bytes(2000)], CODECS[codec]))
    assert [(record.offset, record.value, type(record.value)) for record in records] == [
        (0, b"", Folded),
        (1, b"", Folded),
    ]
    assert records[0].value is not None
    assert f"unfolds to more than {MOST}" in records[0].value.why


@pytest.mark.parametrize("codec", COMPRESSED)
def test_it_takes_no_more_memory_than_it_may_unfold_to(codec: str) -> None:
    data = batch_of([bytes(200_000_000)], CODECS[codec])
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = peak_memory()
    read(data, 10 * MOST)
    assert peak_memory() - before < 50 * MOST


@pytest.mark.parametrize("codec", COMPRESSED)
def test_what_is_damaged_is_stood_for_too(codec: str) -> None:
    whole = batch_of([bytes(range(256)) * 9], CODECS[codec])[HEADER_BYTES:]
    assert len(unfold(CODECS[codec], memoryview(whole), MOST)) > 256 * 9
    for damaged in (whole[:-9], b"\xff\xff\xff\xff" + whole[4:], b"no stream at all"):
        with pytest.raises(UnfoldError, match="or is damaged"):
            unfold(CODECS[codec], memoryview(damaged), MOST)


def test_a_codec_that_is_not_known_is_no_reason_to_end() -> None:
    with pytest.raises(UnfoldError):
        unfold(7, memoryview(b"something"), MOST)


def test_headers_whose_names_are_no_text_are_read_with_all_that_belongs_to_them() -> None:
    values = [b"one", None, b"three"]
    records = read(with_odd_headers(batch_of(values, 0, "gr__e")), offset=1)
    assert [(record.offset, record.timestamp, record.key, record.value) for record in records] == [
        (1, 1001, b"key 1", None),
        (2, 1002, b"key 2", b"three"),
    ]
    assert records[0].headers == (("gr\\xf6\\xdfe", b"content"), ("none", None))


@pytest.mark.usefixtures("restored")
def test_consumers_read_by_it_once_they_are_told_to() -> None:
    bound_batches(MOST)
    batches: Callable[..., Any] = fetcher.MemoryRecords
    assert isinstance(batches(batch_of([b"x"], 0)), Batches)


async def test_what_was_left_folded_is_a_dead_letter_that_says_so(serving: Serving) -> None:
    broker = FakeBroker()
    broker.put(Folded("its batch unfolds to more than 7"), key=b"bomb")
    async with serving(broker) as worker:
        await broker.all_committed()
    [letter] = broker.topic("pets-dead-letters")
    assert (letter.key, letter.value) == (b"bomb", b"")
    assert worker.sample("catdog_dead_letters_total", reason="TooManyBytes") == 1
