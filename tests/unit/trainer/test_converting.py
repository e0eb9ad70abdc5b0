"""Before a trunk, and without TensorFlow: what would make a trunk can't be loaded here."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from catdog_trainer.converting import (
    MOST_LOOKED_AT,
    check_by_all,
    find_or_make_float32,
    find_or_make_trunk,
)
from catdog_trainer.data import DataError, Dataset
from catdog_trainer.progress import ProgressReporter
from catdog_trainer.run import Run
from catdog_trainer.trunk import trunk_path
from tests.unit.trainer.builders import TINY_TRUNK, photo, put
from tests.unit.trainer.test_room import config

NOTHING = Dataset("nothing", (), ())


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Return a training on a claim in `tmp_path`."""
    settings = config("efficientnet-lite0", fine_tune=False, storage=tmp_path)
    return Run(settings, champion=None, threads=1, progress=ProgressReporter(lambda _: None))


def test_a_trunk_that_is_there_is_taken(run: Run) -> None:
    kept = trunk_path(run.config.storage, "pets", run.architecture)
    kept.parent.mkdir(parents=True)
    shutil.copy(TINY_TRUNK, kept)
    assert find_or_make_trunk(run, NOTHING) == (kept, NOTHING)


def cats(count: int, read: Callable[[], bytes]) -> Dataset:
    """Return a dataset that lacks dogs, and has so many cats."""
    photos = tuple(replace(photo(0, "cat", "training"), digest=f"{n:064x}", read=read) for n in range(count))
    return Dataset("the claim's root folder", ("{label}/",), photos)


def test_what_lacks_a_label_is_told_with_what_can_not_be_read_among_few_photos() -> None:
    with pytest.raises(DataError, match="30 files and none is a photo") as raised:
        check_by_all(cats(30, lambda: b"no picture"), 16, threads=2)
    assert raised.value.reason == "NoReadablePhotos"


def test_what_lacks_a_label_is_told_at_once_among_many_photos() -> None:
    """Each attempt, for ever, would else decode all of them, to say that there is no dog."""

    def read() -> bytes:
        raise AssertionError("it is read")

    with pytest.raises(DataError, match="has photos of cats only") as raised:
        check_by_all(cats(MOST_LOOKED_AT + 1, read), 16, threads=2)
    assert raised.value.reason == "ClassMissing"


@pytest.mark.parametrize("content", [b"", TINY_TRUNK.read_bytes()[:300]])
def test_a_trunk_that_is_damaged_is_made_anew(run: Run, content: bytes) -> None:
    """Else each training would end by it, and so each edit, until a person removed the file."""
    kept = put(trunk_path(run.config.storage, "pets", run.architecture), content)
    float32 = put(kept.with_name("float32.tflite"), content)
    for make in (lambda: find_or_make_trunk(run, NOTHING), lambda: find_or_make_float32(run, kept)):
        with capture_logs() as logs, pytest.raises(ImportError, match="keras"):
            make()
        assert [line["event"] for line in logs] == ["trunk damaged, and made anew"]
    assert not kept.exists()
    assert not float32.exists()
