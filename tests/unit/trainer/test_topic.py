"""Photos in a topic: which records are read, what is made of each, and what is said where none can be."""

import asyncio
import hashlib
import resource
import struct
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from aiokafka import TopicPartition
from aiokafka.errors import (
    CorruptRecordException,
    KafkaConnectionError,
    KafkaError,
    OffsetOutOfRangeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)
from aiokafka.protocol.admin import ApiVersionResponse_v0
from aiokafka.protocol.metadata import MetadataResponse_v4

from catdog_common.artifact import PartitionOffsets
from catdog_common.kafka_batches import Folded
from catdog_common.kafka_binding import KafkaLogin
from catdog_common.kafka_security import KafkaSecurity, KafkaSecurityError
from catdog_trainer.data import DataError, Dataset, split_of
from catdog_trainer.data.addresses import TopicAddress, forget_offsets
from catdog_trainer.data.topic import Spool, check_offsets, fix_offsets, gather_photos, read_topic
from catdog_trainer.data.topic_errors import explain
from catdog_trainer.data.topic_reader import newest
from catdog_trainer.export import describe_dataset
from tests.unit.trainer.builders import picture

NOWHERE = KafkaLogin("127.0.0.1:1", KafkaSecurity(None, None))  # nobody listens there
ADDRESS = TopicAddress("photos", 100, 2**20, lambda: NOWHERE)


class Record(NamedTuple):
    """What is read of a record."""

    partition: int
    offset: int
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()
    topic: str = "photos"


class FakeConsumer:
    """A topic's records as aiokafka's consumer gives them, two at a time, some beyond what is asked for."""

    def __init__(self, *records: Record, fault: KafkaError | None = None) -> None:
        self._records, self._fault = records, fault
        self._at: dict[TopicPartition, int] = {}
        self.paused: list[int] = []

    def assign(self, partitions: list[TopicPartition]) -> None:
        self._at = dict.fromkeys(partitions, -1)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self._at[partition] = offset

    def pause(self, partition: TopicPartition) -> None:
        self.paused.append(partition.partition)

    async def position(self, partition: TopicPartition) -> int:
        return self._at[partition]

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int
    ) -> Mapping[TopicPartition, list[Record]]:
        assert timeout_ms > 0
        if self._fault is not None:
            raise self._fault
        given = {}
        for each in partitions:
            own = [record for record in self._records if record.partition == each.partition]
            given[each] = [record for record in own if record.offset >= self._at[each]][:2]
            # As a compacted partition's last batch has it: its end is reached without a record.
            self._at[each] = given[each][-1].offset + 1 if given[each] else 1000
        return given


def labelled(partition: int, offset: int, label: str, **headers: bytes) -> Record:
    """Return a record with a photo of its own."""
    every = {"label": label.encode()} | headers
    return Record(partition, offset, picture(100 * partition + offset), list(every.items()))


def gather(*records: Record, ends: Sequence[int] = (50, 50), address: TopicAddress = ADDRESS) -> Dataset:
    """Return what is read of these records."""
    offsets = tuple(PartitionOffsets(number, 0, end) for number, end in enumerate(ends))
    consumer: Any = FakeConsumer(*records)
    return asyncio.run(gather_photos(consumer, address, offsets))


def test_photos_have_their_headers_label_and_split_and_else_are_split_by_content() -> None:
    records = [
        labelled(0, 3, "cat", split=b"validation"),
        labelled(1, 0, "dog", split=b"training"),
        labelled(1, 7, "dog"),
    ]
    dataset = gather(*records)
    found = {photo.name: (photo.label, photo.split) for photo in dataset.photos}
    digest = hashlib.sha256(records[2].value or b"").hexdigest()
    assert found == {
        "photos/0/3": ("cat", "validation"),
        "photos/1/0": ("dog", "training"),
        "photos/1/7": ("dog", split_of(digest)),
    }
    for photo in dataset.photos:
        assert hashlib.sha256(photo.read()).hexdigest() == photo.digest


def test_what_has_no_photo_is_named_with_its_offset_and_why_and_the_others_are_read() -> None:
    label = [("label", b"cat")]
    dataset = gather(
        labelled(0, 0, "cat"),
        Record(0, 1, picture(1)),
        Record(0, 2, picture(2), [("label", b"horse")]),
        Record(0, 3, picture(3), [("label", b"\xff\n" + 100 * b"x")]),
        Record(0, 4, picture(4), [*label, ("split", b"test")]),
        Record(0, 5, None, label),
        Record(0, 6, Folded("too large"), label),
        Record(0, 7, picture(7), [*label, ("label", b"")]),
        Record(0, 8, picture(8), [("label", None)]),
        Record(0, 9, picture(9), [("label", 1_000_000 * b"cat")]),
        labelled(0, 10, "dog", **{f"header {number}": bytes(100) for number in range(10_000)}),
    )
    assert {photo.name for photo in dataset.photos} == {"photos/0/0", "photos/0/10"}
    assert dataset.unreadable == (
        "photos/0/1 (no label)",
        "photos/0/2 (label horse)",
        "photos/0/3 (label '\\\\xff\\nxxxxxxxxxxxxxxx\\u2026')",
        "photos/0/4 (split test)",
        "photos/0/5 (no value)",
        "photos/0/6 (in a compressed batch that is too large, or damaged)",
        "photos/0/7 (label )",
        "photos/0/8 (no label)",
        "photos/0/9 (label catcatcatcatcatcatca…)",
    )


def test_nothing_is_read_of_what_came_after_the_offsets_were_fixed() -> None:
    dataset = gather(*(labelled(0, offset, "cat") for offset in range(9)), ends=(5, 0))
    assert {photo.name for photo in dataset.photos} == {f"photos/0/{offset}" for offset in range(5)}


def test_the_offsets_are_told_with_the_version() -> None:
    offsets = (PartitionOffsets(0, 0, 50), PartitionOffsets(1, 0, 9))
    assert describe_dataset(gather(labelled(0, 0, "cat"), ends=(50, 9))).offsets == offsets


@pytest.mark.parametrize(
    ("records", "has"), [((), "no records"), ((Record(0, 0, b"x"),), "1 records, and none with")]
)
def test_a_topic_without_any_label_is_told_with_the_header_that_is_wanted(
    records: tuple[Record, ...], has: str
) -> None:
    with pytest.raises(DataError, match=has) as raised:
        gather(*records)
    assert raised.value.reason == "DataNotFound"
    assert "header label: cat or label: dog" in str(raised.value)


def test_photos_that_do_not_fit_onto_the_scratch_space_are_refused() -> None:
    with pytest.raises(DataError, match=r"names of topic photos have .* together; name fewer"):
        gather(labelled(0, 0, "cat"), address=replace(asked(PartitionOffsets(0, 0, 1)), spool_bytes=1))
    small = TopicAddress("photos", 100, len(picture(0)), lambda: NOWHERE)
    assert len(gather(labelled(0, 0, "cat"), address=small).photos) == 1
    with pytest.raises(DataError, match=r"lower spec\.training\.dataset\.kafka\.maxImages") as raised:
        gather(labelled(0, 0, "cat"), labelled(0, 1, "dog"), address=small)
    assert raised.value.reason == "TopicTooLarge"


def test_a_scratch_space_that_takes_a_part_of_a_photo_is_full_and_no_photo_is_cut_off() -> None:
    """A file may take less than it is given, and only then say why, as on a disk that is nearly full."""
    spool, content = Spool(ADDRESS), bytes(range(250))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400, hard))
    try:
        first = spool.keep(content)
        with pytest.raises(OSError, match="too large"):
            spool.keep(content)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert first() == content


@pytest.mark.parametrize(
    ("most", "counts"),
    [(100, [2, 10, 30]), (42, [2, 10, 30]), (20, [2, 9, 9]), (9, [2, 3, 4]), (1, [0, 0, 1]), (3, [1, 1, 1])],
)
def test_the_newest_records_are_read_of_each_partition_as_many_where_it_has_them(
    most: int, counts: list[int]
) -> None:
    bounds = [PartitionOffsets(0, 5, 7), PartitionOffsets(1, 0, 10), PartitionOffsets(2, 70, 100)]
    chosen = newest(bounds, most)
    assert [each.end for each in chosen] == [7, 10, 100]
    assert [each.end - each.start for each in chosen] == counts


def asked(*offsets: PartitionOffsets) -> TopicAddress:
    """Return the topic with records that are asked for."""
    return replace(ADDRESS, offsets=offsets)


def test_offsets_that_are_asked_for_are_read_whatever_came_since() -> None:
    wanted = (PartitionOffsets(0, 4, 10), PartitionOffsets(1, 3, 3))
    bounds = [PartitionOffsets(0, 4, 900), PartitionOffsets(1, 0, 3), PartitionOffsets(2, 0, 7)]
    assert check_offsets(bounds, asked(*wanted)) == wanted
    assert check_offsets(bounds, asked(PartitionOffsets(1, 8, 8))) == (PartitionOffsets(1, 8, 8),)


@pytest.mark.parametrize(
    ("offsets", "has", "permanent"),
    [
        (
            PartitionOffsets(1, 3, 9),
            "offsets 3 to 8 of partition 1 of topic photos, and it has offsets 4 to 8",
            True,
        ),
        (
            PartitionOffsets(1, 4, 10),
            "4 to 9 of partition 1 of topic photos, and it has offsets 4 to 8",
            False,
        ),
        (PartitionOffsets(2, 0, 1), "and it has no records, and its next has offset 7", True),
        (PartitionOffsets(2, 7, 8), "and it has no records, and its next has offset 7", False),
        (PartitionOffsets(3, 0, 1), "and the topic has 3 partitions, numbered from 0", False),
    ],
)
def test_offsets_that_a_topic_has_not_are_told_with_what_it_has_and_those_removed_never_come(
    offsets: PartitionOffsets, has: str, *, permanent: bool
) -> None:
    bounds = [PartitionOffsets(0, 0, 10), PartitionOffsets(1, 4, 9), PartitionOffsets(2, 7, 7)]
    with pytest.raises(DataError) as raised:
        check_offsets(bounds, asked(PartitionOffsets(0, 0, 10), offsets))
    assert (raised.value.reason, raised.value.permanent) == ("OffsetsNotFound", permanent)
    assert str(raised.value).startswith("spec.training.dataset.kafka.offsets asks for offsets ")
    assert has in str(raised.value)
    assert str(raised.value).endswith("; name others, or none to train on the newest records")


def test_a_pod_after_another_reads_the_same_offsets_unless_they_are_gone_or_data_were_at_fault(
    tmp_path: Path,
) -> None:
    work = tmp_path / "work" / "aaaaaaaaaa"
    first = fix_offsets([PartitionOffsets(0, 0, 10)], 6, work)
    assert first == (PartitionOffsets(0, 4, 10),)
    assert fix_offsets([PartitionOffsets(0, 2, 30)], 6, work) == first
    assert fix_offsets([PartitionOffsets(0, 5, 30)], 6, work) == (PartitionOffsets(0, 24, 30),)
    forget_offsets(work)
    assert fix_offsets([PartitionOffsets(0, 0, 40)], 6, work) == (PartitionOffsets(0, 34, 40),)
    forget_offsets(work)
    forget_offsets(work)


@pytest.mark.parametrize(
    ("error", "reason", "words"),
    [
        (UnknownTopicOrPartitionError("photos"), "TopicNotFound", "create it, or name another in"),
        (TopicAuthorizationFailedError("photos"), "AccessDenied", "operation Read on topic photos"),
        (OffsetOutOfRangeError({}), "DataChanged", "the training begins again"),
        (CorruptRecordException("bad crc"), "KafkaUnusable", "bad crc"),
        (KafkaSecurityError("/etc/x is missing"), "KafkaUnusable", "/etc/x is missing"),
        (TimeoutError(), "EndpointUnreachable", "127.0.0.1:1 can't be reached"),
    ],
)
def test_what_keeps_it_from_a_topic_has_a_reason_and_what_to_do(
    error: KafkaError, reason: str, words: str
) -> None:
    told = asyncio.run(explain(error, ADDRESS))
    assert told.reason == reason
    assert words in str(told)


@asynccontextmanager
async def broker(*leaders: int) -> AsyncIterator[str]:
    """Listen as a broker that knows a topic, whose partitions have these leaders, and nothing else."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):
            while True:
                (length,) = struct.unpack(">i", await reader.readexactly(4))
                api, _, number = struct.unpack_from(">hhi", await reader.readexactly(length))
                told = metadata if api == MetadataResponse_v4.API_KEY else versions
                content = struct.pack(">i", number) + told.encode()
                writer.write(struct.pack(">i", len(content)) + content)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    versions = ApiVersionResponse_v0(0, [(api, 0, 4) for api in (MetadataResponse_v4.API_KEY, 18)])
    partitions = [(0, number, leader, [1], [1]) for number, leader in enumerate(leaders)]
    metadata = MetadataResponse_v4(
        0, [(1, "127.0.0.1", port, None)], "cluster", 1, [(0, "photos", False, partitions)]
    )
    async with server:
        yield f"127.0.0.1:{port}"


async def test_a_partition_that_no_broker_leads_is_named_and_not_that_kafka_is_away() -> None:
    async with broker(1, -1, 1, -1) as server:
        told = await explain(KafkaConnectionError("no records within 60 s"), reached_at(server))
    assert (told.reason, str(told)) == (
        "EndpointUnreachable",
        "partitions 1 and 3 of topic photos have no leader, and can't be read; see that all brokers run",
    )


async def test_where_all_partitions_are_led_the_client_is_told_by_its_own_words() -> None:
    async with broker(1, 1) as server:
        told = await explain(KafkaConnectionError("no records within 60 s"), reached_at(server))
    assert "the Kafka of topic photos cannot be reached (KafkaConnectionError: no records" in str(told)


def reached_at(server: str) -> TopicAddress:
    """Return the topic at this broker."""
    return replace(ADDRESS, login=lambda: KafkaLogin(server, KafkaSecurity(None, None)))


def test_brokers_that_nobody_reaches_are_told_and_no_offsets_are_kept(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"127\.0\.0\.1:1 can't be reached") as raised:
        read_topic(ADDRESS, tmp_path)
    assert raised.value.reason == "EndpointUnreachable"
    assert list(tmp_path.iterdir()) == []


def test_records_that_go_while_they_are_read_are_an_error_of_the_client() -> None:
    consumer: Any = FakeConsumer(fault=OffsetOutOfRangeError({}))
    with pytest.raises(OffsetOutOfRangeError):
        asyncio.run(gather_photos(consumer, ADDRESS, (PartitionOffsets(0, 0, 5),)))


def test_offsets_are_plain_numbers_on_the_claim(tmp_path: Path) -> None:
    fix_offsets([PartitionOffsets(0, 0, 10)], 6, tmp_path)
    content = msgspec.json.decode((tmp_path / "offsets.json").read_bytes())
    assert content == [{"partition": 0, "start": 4, "end": 10}]
