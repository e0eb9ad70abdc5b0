"""Reads Kafka's record batches so that no producer can end a worker by one, as it could with aiokafka (0.14).

A broker bounds a batch as it is sent, compressed: nine kilobytes of zstd unfold to 300 MB, which aiokafka
does in memory. And the names of headers are bytes to a broker, of which aiokafka raises if they are no UTF-8.
"""

import gzip
import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple, Self

import cramjam
import numpy as np
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import decode_varint

Headers = tuple[tuple[str, bytes | None], ...]

# Base offset, length, leader's epoch, magic, CRC, attributes, last offset's delta, first and largest time
# stamp, producer's id, its epoch, first sequence, records: https://kafka.apache.org/documentation/#recordbatch
_HEADER = struct.Struct(">qiibIhiqqqhii")
_LENGTH = struct.Struct(">qi")  # what comes before the bytes that a batch's length counts
_ATTRIBUTES_AT = struct.calcsize(">qiibI")
_MAGIC_AT = struct.calcsize(">qii")
_CODEC, _LOG_APPEND_TIME = 0x07, 0x08  # in the attributes
_GZIP, _SNAPPY, _LZ4, _ZSTD = 1, 2, 3, 4
_XERIAL, _XERIAL_BYTES = b"\x82SNAPPY\0", 16  # how Java's clients frame snappy


_ONE_GZIP = 31  # zlib's window bits
_ROOM = 4  # times the compressed size
_TOO_LARGE = "it goes on"


class UnfoldError(Exception):
    """A compressed batch is too large for us, or damaged."""


class Folded(bytes):
    """Stands, empty, for a value that is not looked at (as it was left in its batch, say), and says `why`."""

    why: str

    def __new__(cls, why: str) -> Self:
        """Return one."""
        folded = super().__new__(cls)
        folded.why = why
        return folded


class Record(NamedTuple):
    """What aiokafka's fetcher reads of a record."""

    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    checksum: None = None


def bound_batches(unfolded_bytes: int) -> None:
    """Have all consumers of this process read batches by `Batches`; aiokafka has no setting for that."""

    def read(data: bytes) -> Batches:
        return Batches(data, unfolded_bytes)

    fetcher.MemoryRecords = read


class Batches:
    """The batches in a broker's answer, in place of aiokafka's MemoryRecords."""

    def __init__(self, data: bytes, unfolded_bytes: int) -> None:
        self._batches = MemoryRecords(data)
        self._rest = memoryview(data)
        self._unfolded_bytes = unfolded_bytes

    def has_next(self) -> bool:
        """Whether there is another whole batch."""
        return bool(self._batches.has_next())

    def size_in_bytes(self) -> int:
        """Return the size of all."""
        return int(self._batches.size_in_bytes())

    def next_batch(self) -> Any:  # noqa: ANN401 - aiokafka's, or one of ours in its place
        """Return the next batch."""
        batch = self._batches.next_batch()
        _, length = _LENGTH.unpack_from(self._rest)
        end = _LENGTH.size + length
        piece, self._rest = self._rest[:end], self._rest[end:]
        # Brokers since Kafka 3.0 write no other format than 2.
        return Batch(batch, piece, self._unfolded_bytes) if piece[_MAGIC_AT] == 2 else batch


class Batch:
    """A batch whose records can be read whatever they are; all else is aiokafka's."""

    def __init__(self, batch: Any, data: memoryview, unfolded_bytes: int) -> None:  # noqa: ANN401
        self._batch, self._data = batch, data
        self._unfolded_bytes = unfolded_bytes
        fields = _HEADER.unpack_from(data)
        self._base_offset, self._attributes, self._last = fields[0], fields[5], fields[6]
        self._first_timestamp, self._max_timestamp, self._count = fields[7], fields[8], fields[12]

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._batch, name)

    def __iter__(self) -> Iterator[Any]:
        batch: Any = self._batch
        data = self._data
        if codec := self._attributes & _CODEC:
            try:
                unfolded = unfold(codec, data[_HEADER.size :], self._unfolded_bytes)
            except UnfoldError as error:
                yield from self._left_folded(str(error))
                return
            data = memoryview(self._plain_header() + unfolded)
            del unfolded  # it may be large, and this lasts for as long as there are records
            batch = DefaultRecordBatch(data)
        try:
            yield from batch
        except UnicodeDecodeError:
            yield from self._read_by_hand(data[_HEADER.size :])  # all again: the fetcher knows where it was

    def _plain_header(self) -> bytes:
        header = bytearray(self._data[: _HEADER.size])
        struct.pack_into(">h", header, _ATTRIBUTES_AT, self._attributes & ~_CODEC)
        return bytes(header)

    def _left_folded(self, why: str) -> Iterator[Record]:
        for offset in range(self._base_offset, self._base_offset + self._last + 1):
            yield self._record(offset, 0, None, Folded(why))

    def _read_by_hand(self, data: memoryview) -> Iterator[Record]:
        at = 0
        for _ in range(self._count):
            length, at = decode_varint(data, at)
            yield self._read_record(data, at)
            at += length

    def _read_record(self, data: memoryview, at: int) -> Record:
        time_delta, at = decode_varint(data, at + 1)  # after its attributes
        offset_delta, at = decode_varint(data, at)
        key, at = _read_bytes(data, at)
        value, at = _read_bytes(data, at)
        count, at = decode_varint(data, at)
        headers = []
        for _ in range(count):
            name, at = _read_bytes(data, at)
            content, at = _read_bytes(data, at)
            headers.append(((name or b"").decode(errors="backslashreplace"), content))
        return self._record(self._base_offset + offset_delta, time_delta, key, value, tuple(headers))

    def _record(
        self, offset: int, time_delta: int, key: bytes | None, value: bytes | None, headers: Headers = ()
    ) -> Record:
        by_broker = bool(self._attributes & _LOG_APPEND_TIME)
        timestamp = self._max_timestamp if by_broker else self._first_timestamp + time_delta
        return Record(offset, timestamp, int(by_broker), key, value, headers)


def unfold(codec: int, data: memoryview, most: int) -> bytes:
    """Return what a batch's compressed records unfold to, if that is no more than `most` bytes.

    Raises:
        UnfoldError: it is, or can't be told.
    """
    try:
        if codec == _GZIP:
            return _unfold_gzip(data, most)
        if codec == _SNAPPY:
            return b"".join(_unfold_snappy(data, most))
        return _unfold_frames({_LZ4: cramjam.lz4, _ZSTD: cramjam.zstd}[codec], bytes(data), most)
    except (EOFError, OSError, zlib.error, struct.error, KeyError, cramjam.DecompressionError) as error:
        # cramjam says of what does not fit only that it could not be written.
        message = f"its batch of {len(data)} bytes unfolds to more than {most}, or is damaged ({error})"
        raise UnfoldError(message) from error


def _unfold_frames(codec: Any, data: bytes, most: int) -> bytes:  # noqa: ANN401 - a module of cramjam's
    with suppress(cramjam.DecompressionError):  # images hardly are compressed, and little room is got faster
        return _unfold_into(codec, data, min(most, _ROOM * len(data)))
    return _unfold_into(codec, data, most)


def _unfold_into(codec: Any, data: bytes, room: int) -> bytes:  # noqa: ANN401
    unfolded = np.empty(room, np.uint8)  # of which only what is written to takes memory
    return unfolded[: codec.decompress_into(data, unfolded)].tobytes()


def _unfold_gzip(data: memoryview, most: int) -> bytes:
    member = zlib.decompressobj(_ONE_GZIP)
    unfolded = member.decompress(data, most)
    if member.eof and not member.unused_data:
        return unfolded
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
        unfolded = file.read(most + 1)
    if len(unfolded) > most:
        raise EOFError(_TOO_LARGE)
    return unfolded


def _unfold_snappy(data: memoryview, most: int) -> Iterator[bytes]:
    left = most
    for block in _snappy_blocks(data):
        left -= cramjam.snappy.decompress_raw_len(block)
        if left < 0:
            raise EOFError(_TOO_LARGE)
        yield bytes(cramjam.snappy.decompress_raw(block))


def _snappy_blocks(data: memoryview) -> Iterator[bytes]:
    if data[: len(_XERIAL)] != _XERIAL:
        yield bytes(data)
        return
    at = _XERIAL_BYTES
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        yield bytes(data[at + 4 : at + 4 + length])
        at += 4 + length


def _read_bytes(data: memoryview, at: int) -> tuple[bytes | None, int]:
    length, at = decode_varint(data, at)
    return (bytes(data[at : at + length]), at + length) if length >= 0 else (None, at)
