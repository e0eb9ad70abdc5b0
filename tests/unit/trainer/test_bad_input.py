"""Poison among good photos, from each source: counted and named, never fatal, and all else is learnt from."""

import asyncio
import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from catdog_common.artifact import PartitionOffsets
from catdog_trainer.data import Dataset
from catdog_trainer.data.bucket import Bucket
from catdog_trainer.data.directory import read_directory
from catdog_trainer.data.s3 import read_bucket
from catdog_trainer.data.topic import gather_photos
from catdog_trainer.export import describe_dataset
from catdog_trainer.features import extract_features
from tests.poison import poison
from tests.unit.trainer.builders import TINY_TRUNK, picture, put
from tests.unit.trainer.fake_s3 import FakeS3, serving
from tests.unit.trainer.test_topic import ADDRESS, FakeConsumer, Record

pytestmark = pytest.mark.filterwarnings("ignore")  # as images.py has it

Files = Mapping[str, bytes]  # by name, "cat/..." or "dog/..."
Source = Callable[[Files, Path], AbstractContextManager[Dataset]]


@contextmanager
def from_claim(files: Files, scratch: Path) -> Iterator[Dataset]:
    """Give what is read of these files on a claim."""
    for name, content in files.items():
        put(scratch / "claim" / name, content)
    yield read_directory(scratch / "claim", "the claim's root folder")


@contextmanager
def from_bucket(files: Files, scratch: Path) -> Iterator[Dataset]:
    """Give what is read of these objects in a bucket."""
    with serving(FakeS3(dict(files))) as s3:
        yield read_bucket(Bucket(s3.address(scratch)), "")


@contextmanager
def from_topic(files: Files, scratch: Path) -> Iterator[Dataset]:  # noqa: ARG001 - it needs none
    """Give what is read of a topic with these records, whose names are their offsets then."""
    records = [
        Record(0, offset, content, [("label", name[:3].encode())])
        for offset, (name, content) in enumerate(files.items())
    ]
    consumer: Any = FakeConsumer(*records)
    address = replace(ADDRESS, spool_bytes=2**24)
    yield asyncio.run(gather_photos(consumer, address, (PartitionOffsets(0, 0, len(records)),)))


def some_files() -> tuple[dict[str, bytes], list[str]]:
    """Return good photos of both labels with poison among them, and the names of those without a picture."""
    files = {f"{label}/{number}.png": picture(number) for number, label in enumerate(20 * ("cat", "dog"))}
    files |= {f"cat/{name}.jpg": data for name, (data, _) in poison().items()}
    return files, [f"cat/{name}.jpg" for name, (_, reason) in poison().items() if reason is not None]


@pytest.mark.parametrize("source", [from_claim, from_bucket, from_topic])
def test_what_has_no_picture_in_it_is_counted_and_named_and_all_else_is_learnt_from(
    source: Source, tmp_path: Path
) -> None:
    files, refused = some_files()
    with source(files, tmp_path) as read:
        features = extract_features(read.photos, TINY_TRUNK, threads=2, on_photo=lambda: None)
    dataset = read.without(features.unreadable)
    good = [content for name, content in files.items() if name not in refused]
    assert [photo.digest for photo in dataset.photos] == sorted(map(digest_of, good))
    assert len(features.matrix) == len(good)
    told = describe_dataset(dataset)
    assert told.unreadable_photos == len(refused) > 20
    names = [f"photos/0/{offset}" if source is from_topic else name for offset, name in enumerate(files)]
    named = dict(zip(names, files, strict=True))
    assert {named[name] for name in told.unreadable} == set(refused)


def digest_of(content: bytes) -> str:
    """Return the sha256 of a photo, in hex."""
    return hashlib.sha256(content).hexdigest()
