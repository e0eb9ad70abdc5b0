"""What a trunk said of photos is kept, and no photo passes the same trunk twice."""

import resource
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from structlog.testing import capture_logs

from catdog_common.artifact import file_digest
from catdog_trainer.data import Photo
from catdog_trainer.feature_store import FeatureStore, Seen, allow_open_files, folder_of
from catdog_trainer.features import Features, extract_features
from catdog_trainer.views import View
from tests.unit.trainer.builders import TINY_TRUNK, photo

PHOTOS = [photo(number, "dog" if number % 3 else "cat", "training") for number in range(10)]
DARK = View("dark", lambda image: image // 2)
WIDTH = 3  # of the tiny trunk
ROWS = 4


def opened(directory: Path, reserve: int = 0) -> FeatureStore:
    return FeatureStore(directory, WIDTH, rows=ROWS, reserve=reserve)


def extract(
    directory: Path, photos: Sequence[Photo] = PHOTOS, views: Sequence[View] = ()
) -> tuple[Features, list[str]]:
    """Return the features, and the names of the photos that were read for them."""
    reads: list[str] = []

    def watched(each: Photo) -> Photo:
        def read() -> bytes:
            reads.append(each.name)
            return each.read()

        return replace(each, read=read)

    photos = list(map(watched, photos))
    features = extract_features(photos, TINY_TRUNK, 2, lambda: None, opened(directory), views)
    return features, sorted(reads)


def interrupt_after_nine(directory: Path, views: Sequence[View] = ()) -> None:
    """Begin with the features, and be stopped at the ninth photo: two files of four rows are written."""
    seen: list[None] = []

    def on_photo() -> None:
        seen.append(None)
        if len(seen) == 9:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract_features(PHOTOS, TINY_TRUNK, 1, on_photo, opened(directory), views)


def names(photos: Sequence[Photo]) -> list[str]:
    return sorted(each.name for each in photos)


def assert_same(features: Features, others: Features) -> None:
    assert [each.digest for each in features.photos] == [each.digest for each in others.photos]
    assert np.array_equal(features.matrix, others.matrix)
    assert np.array_equal(features.hashes, others.hashes)
    assert features.log_odds is not None
    assert others.log_odds is not None
    assert np.array_equal(features.log_odds, others.log_odds)


def test_photos_that_are_known_are_not_read_again_and_give_the_same_to_the_last_bit(tmp_path: Path) -> None:
    first, reads = extract(tmp_path)
    assert reads == names(PHOTOS)
    second, reads = extract(tmp_path)
    assert reads == []
    assert_same(second, first)
    assert_same(second, extract_features(PHOTOS, TINY_TRUNK, 1, lambda: None))


def test_only_photos_that_are_new_are_computed(tmp_path: Path) -> None:
    extract(tmp_path, PHOTOS[:7])
    features, reads = extract(tmp_path)
    assert reads == names(PHOTOS[7:])
    assert_same(features, extract_features(PHOTOS, TINY_TRUNK, 1, lambda: None))


def test_a_training_that_was_interrupted_goes_on_where_it_was(tmp_path: Path) -> None:
    interrupt_after_nine(tmp_path)
    assert extract(tmp_path)[1] == names(PHOTOS[8:])


def test_another_view_is_kept_apart_and_computed_alone_where_the_plain_one_is_known(tmp_path: Path) -> None:
    plain, _ = extract(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.glob("*.npy")}
    augmented, reads = extract(tmp_path, views=[DARK])
    assert reads == names(PHOTOS), "a view is of the picture, which has to be decoded for it"
    again, reads = extract(tmp_path, views=[DARK])
    assert reads == []
    expected = extract_features(PHOTOS, TINY_TRUNK, 1, lambda: None, views=[DARK])
    for features in (augmented, again):
        assert_same(features, plain)
        [dark] = features.views
        assert_same(dark, expected.views[0])
    assert {path: path.read_bytes() for path in tmp_path.glob("*.npy")} == before
    assert len(opened(tmp_path)) == len(opened(tmp_path / "dark")) == len(PHOTOS)


def test_a_pass_over_several_views_that_was_interrupted_goes_on_where_it_was(tmp_path: Path) -> None:
    interrupt_after_nine(tmp_path, [DARK])
    features, reads = extract(tmp_path, views=[DARK])
    assert reads == names(PHOTOS[8:])
    assert_same(
        features.views[0], extract_features(PHOTOS, TINY_TRUNK, 1, lambda: None, views=[DARK]).views[0]
    )


def test_clearing_what_is_gone_leaves_other_views_of_what_is_there(tmp_path: Path) -> None:
    extract(tmp_path, views=[DARK])
    extract(tmp_path, PHOTOS[:4])
    assert extract(tmp_path, PHOTOS[:4], [DARK])[1] == []
    assert (len(opened(tmp_path)), len(opened(tmp_path / "dark"))) == (4, 4)


def test_what_is_no_photo_is_not_kept(tmp_path: Path) -> None:
    bad = replace(PHOTOS[2], read=lambda: b"no image")
    features, _ = extract(tmp_path, [*PHOTOS[:2], bad])
    assert [each.name for each in features.unreadable] == [bad.name]
    assert len(opened(tmp_path)) == 2


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY garbage"])
def test_a_file_that_is_damaged_is_told_and_computed_again(tmp_path: Path, content: bytes) -> None:
    first, _ = extract(tmp_path)
    damaged = min(tmp_path.glob("*.npy"))
    damaged.write_bytes(damaged.read_bytes()[:-1] + content)
    with capture_logs() as lines:
        again, reads = extract(tmp_path)
    assert [line["file"] for line in lines if line["log_level"] == "warning"] == [damaged.name]
    assert 0 < len(reads) <= ROWS
    assert_same(again, first)


def test_what_photos_came_to_before_they_were_resized_as_now_is_not_taken(tmp_path: Path) -> None:
    digest = file_digest(TINY_TRUNK)
    extract(tmp_path / digest.removeprefix("sha256:")[:16])  # where releases that knew one way kept it
    assert len(FeatureStore.of(tmp_path, TINY_TRUNK)) == 0
    extract(tmp_path / folder_of(digest))
    assert len(FeatureStore.of(tmp_path, TINY_TRUNK)) == len(PHOTOS)


def test_features_of_another_width_are_not_taken(tmp_path: Path) -> None:
    extract(tmp_path)
    with capture_logs():
        assert len(FeatureStore(tmp_path, WIDTH + 1)) == 0


def test_what_is_mostly_of_photos_that_are_gone_is_cleared(tmp_path: Path) -> None:
    extract(tmp_path)
    extract(tmp_path, PHOTOS[:5])
    assert len(opened(tmp_path)) == 10, "half of it is of use"
    extract(tmp_path, PHOTOS[:4])
    assert len(opened(tmp_path)) == 4
    assert extract(tmp_path, PHOTOS[:4])[1] == []


def test_where_nothing_can_be_kept_the_training_goes_on(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with capture_logs() as lines:
        features, reads = extract(tmp_path / "file" / "features")
    assert len(features.photos) == len(reads) == len(PHOTOS)
    [warning] = [line for line in lines if line["log_level"] == "warning"]
    assert "computes them again" in warning["event"]


def test_a_claim_is_not_filled_with_features(tmp_path: Path) -> None:
    store = opened(tmp_path / "features", reserve=2**60)
    with capture_logs() as lines:
        extract_features(PHOTOS, TINY_TRUNK, 1, lambda: None, store)
    assert "hardly any room" in lines[0]["error"]
    assert len(opened(tmp_path / "features")) == 0


@contextmanager
def at_most_open(files: int) -> Iterator[None]:
    """Have a soft limit on the files that are open; the hard one is not touched."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def keep_in_a_file_each(directory: Path, count: int) -> None:
    store = FeatureStore(directory, WIDTH, rows=1, reserve=0)
    for number in range(count):
        store.add(f"{number:064x}", Seen(np.zeros(WIDTH, np.float32), 0.0, np.zeros(4, np.uint64)))


def test_more_files_than_may_be_open_are_no_damage_to_them(tmp_path: Path) -> None:
    keep_in_a_file_each(tmp_path, 150)
    with at_most_open(128), pytest.raises(OSError, match="Too many open files"):
        opened(tmp_path)
    assert len(opened(tmp_path)) == 150


def test_as_many_files_may_be_open_as_there_is_need_of(tmp_path: Path) -> None:
    keep_in_a_file_each(tmp_path, 150)
    with at_most_open(128):
        allow_open_files()
        assert len(opened(tmp_path)) == 150
