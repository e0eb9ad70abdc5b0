import hashlib
import os
import tracemalloc
from pathlib import Path

import pytest

from catdog_trainer.data import MAX_PHOTO_BYTES, DataError, check
from catdog_trainer.data.directory import read_claim, read_directory
from tests.unit.trainer.builders import picture, put

SOURCE = "the claim's folder data/"


def fill(folder: Path, count: int, first: int = 0) -> None:
    for number in range(first, first + count):
        put(folder / f"{number}.png", picture(number))


def declared(root: Path, training: tuple[int, int] = (10, 10), validation: tuple[int, int] = (2, 2)) -> Path:
    """Lay out folders with so many cats and dogs, no two photos alike."""
    first = 0
    for split, counts in (("training", training), ("validation", validation)):
        for label, count in zip(("cat", "dog"), counts, strict=True):
            fill(root / split / label, count, first)
            first += count
    return root


def test_folders_with_splits_are_taken_as_they_are_declared(tmp_path: Path) -> None:
    dataset = read_directory(declared(tmp_path), SOURCE)
    check(dataset)
    assert dataset.counts() == {"training": {"cat": 10, "dog": 10}, "validation": {"cat": 2, "dog": 2}}
    assert all(photo.name.startswith(f"{photo.split}/{photo.label}/") for photo in dataset.photos)


def test_photos_come_in_the_order_of_their_digests_and_give_their_bytes(tmp_path: Path) -> None:
    photos = read_directory(declared(tmp_path), SOURCE).photos
    digests = [photo.digest for photo in photos]
    assert digests == sorted(digests)
    assert [hashlib.sha256(photo.read()).hexdigest() for photo in photos] == digests


@pytest.mark.parametrize("how", ["overwritten", "another folder behind the same link"])
def test_a_photo_that_has_changed_since_is_said_and_not_trained_on(tmp_path: Path, how: str) -> None:
    """Else what is kept of photos by their digests would be of others, for all trainings to come."""
    declared(tmp_path / "monday")
    (tmp_path / "now").symlink_to("monday")
    [photo] = [each for each in read_claim(tmp_path / "now", tmp_path).photos if "cat/3.png" in each.name]
    if how == "overwritten":
        put(tmp_path / "monday" / photo.name, picture(99))
    else:
        put(tmp_path / "tuesday" / photo.name, picture(99))
        (tmp_path / "next").symlink_to("tuesday")
        (tmp_path / "next").rename(tmp_path / "now")
    with pytest.raises(DataError, match=r"training/cat/3\.png .* was changed while it was") as raised:
        photo.read()
    assert (raised.value.reason, raised.value.permanent) == ("DataChanged", False)


def test_plain_folders_are_split_by_each_photos_content_alone(tmp_path: Path) -> None:
    fill(tmp_path / "cat", 100)
    fill(tmp_path / "dog", 100, first=100)
    splits = {photo.digest: photo.split for photo in read_directory(tmp_path, SOURCE).photos}
    assert 20 <= sum(split == "validation" for split in splits.values()) <= 60  # a fifth of 200, by chance

    (tmp_path / "cat" / "0.png").rename(tmp_path / "cat" / "another name.png")
    for number in range(50, 100):
        (tmp_path / "cat" / f"{number}.png").unlink()
    fewer = read_directory(tmp_path, SOURCE).photos
    assert len(fewer) == 150
    assert all(splits[photo.digest] == photo.split for photo in fewer)


def test_a_photo_that_is_in_both_splits_is_left_out_of_validation(tmp_path: Path) -> None:
    declared(tmp_path)
    put(tmp_path / "validation" / "cat" / "copy.png", picture(0))
    dataset = read_directory(tmp_path, SOURCE)
    assert dataset.counts()["validation"]["cat"] == 2
    assert (dataset.copies, dataset.contradictory) == (("validation/cat/copy.png",), ())


def test_a_photo_that_is_there_thrice_is_counted_once_and_the_others_are_named(tmp_path: Path) -> None:
    declared(tmp_path)
    put(tmp_path / "training" / "cat" / "copy.png", picture(0))
    put(tmp_path / "training" / "cat" / "ещё раз.png", picture(0))
    dataset = read_directory(tmp_path, SOURCE)
    assert dataset.counts()["training"]["cat"] == 10
    assert dataset.copies == ("training/cat/copy.png", "training/cat/ещё раз.png")


def test_a_photo_under_both_labels_is_left_out_and_each_of_its_files_is_named(tmp_path: Path) -> None:
    declared(tmp_path)
    put(tmp_path / "training" / "dog" / "a cat.png", picture(0))
    dataset = read_directory(tmp_path, SOURCE)
    assert dataset.counts()["training"] == {"cat": 9, "dog": 10}
    assert dataset.contradictory == ("training/cat/0.png", "training/dog/a cat.png")
    assert (dataset.copies, dataset.left_out) == ((), 2)


def test_links_are_followed_within_the_directory_and_named_where_they_lead_out_of_it(tmp_path: Path) -> None:
    root = declared(tmp_path / "claim")
    secret = put(tmp_path / "elsewhere" / "secret.png", picture(300))
    (root / "training" / "cat" / "file.png").symlink_to(secret)
    (root / "training" / "cat" / "folder").symlink_to(secret.parent)
    (root / "training" / "cat" / "broken.png").symlink_to("nowhere.png")
    put(root / "pool" / "inside.png", picture(301))
    (root / "training" / "cat" / "inside.png").symlink_to("../../pool/inside.png")
    dataset = read_directory(root, SOURCE)
    names = {photo.name for photo in dataset.photos}
    assert "training/cat/inside.png" in names
    assert not {"training/cat/file.png", "training/cat/folder/secret.png"} & names
    assert dataset.unreadable == tuple(
        f"training/cat/{name}" for name in ("broken.png", "file.png", "folder")
    )


def test_a_folder_of_a_label_that_leads_out_of_the_directory_is_not_followed(tmp_path: Path) -> None:
    root = declared(tmp_path / "claim", training=(0, 10))
    fill(tmp_path / "elsewhere", 10, first=300)
    (root / "training" / "cat").symlink_to(tmp_path / "elsewhere")
    dataset = read_directory(root, SOURCE)
    assert dataset.counts()["training"]["cat"] == 0
    assert dataset.unreadable == ("training/cat",)


def test_odd_names_pipes_folders_and_hidden_files_do_no_harm(tmp_path: Path) -> None:
    root = declared(tmp_path)
    cats = root / "training" / "cat"
    Path(os.fsdecode(os.fsencode(cats) + b"/\xff\xfe.png")).write_bytes(picture(300))
    put(cats / "猫🐈\n.png", picture(301))
    put(cats / "a folder.jpg" / "deep.png", picture(302))
    put(cats / ".hidden.png", b"")
    os.mkfifo(cats / "pipe.png")
    dataset = read_directory(root, SOURCE)
    names = {photo.name for photo in dataset.photos}
    assert {"training/cat/猫🐈\n.png", "training/cat/a folder.jpg/deep.png"} < names
    assert "training/cat/\\xff\\xfe.png" in names
    assert dataset.unreadable == ("training/cat/pipe.png",)
    assert len(names) == 27


def test_what_is_larger_than_any_photo_is_named_and_not_read(tmp_path: Path) -> None:
    """A film among photos would else be in memory as a whole, several at a time."""
    root = declared(tmp_path)
    film = put(root / "training" / "cat" / "film.mov", b"")
    os.truncate(film, MAX_PHOTO_BYTES + 1)
    dataset = read_directory(root, SOURCE)
    assert (len(dataset.photos), dataset.unreadable) == (24, ("training/cat/film.mov",))
    os.truncate(film, MAX_PHOTO_BYTES)
    assert read_directory(root, SOURCE).unreadable == ()


def test_a_hundred_thousand_photos_in_one_folder_are_kept_in_less_than_a_hundred_megabytes(
    tmp_path: Path,
) -> None:
    few = 1_000  # each of which takes as much; 100,000 take 4 s to read, and longer to lay out
    (tmp_path / "cat").mkdir()
    for number in range(few):
        (tmp_path / "cat" / f"a-photo-of-my-cat-{number}.jpg").write_bytes(number.to_bytes(4))
    tracemalloc.start(2)
    try:
        dataset = read_directory(tmp_path, SOURCE)
        snapshot = tracemalloc.take_snapshot()
    finally:
        tracemalloc.stop()
    ours = snapshot.filter_traces([tracemalloc.Filter(True, "*/catdog_trainer/data/*", all_frames=True)])  # noqa: FBT003
    kept = sum(each.size for each in ours.statistics("filename"))
    assert len(dataset.photos) == few
    assert 20e6 < kept * 100_000 / few < 100e6


def test_a_folder_that_may_not_be_listed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = declared(tmp_path)
    put(root / "training" / "cat" / "private" / "1.png", picture(300))
    scandir = os.scandir

    def deny(path: str) -> object:  # tests may run as root, to whom no folder is closed
        if path.endswith("private"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", deny)
    assert read_directory(root, SOURCE).unreadable == ("training/cat/private",)


EXPECTED = "folders training/cat/, training/dog/, validation/cat/ and validation/dog/, or cat/ and dog/"


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError) as raised:
        read_claim(tmp_path / "data", tmp_path)
    assert raised.value.reason == "DataNotFound"
    assert str(raised.value) == f"the claim's folder data/ does not exist: it should hold {EXPECTED}"


def test_a_directory_without_photos_says_what_belongs_there(tmp_path: Path) -> None:
    put(tmp_path / "somewhere else" / "1.png", picture(1))
    with pytest.raises(DataError) as raised:
        read_claim(tmp_path, tmp_path)
    assert raised.value.reason == "DataNotFound"
    assert str(raised.value) == f"the claim's root folder has no photos: it should hold {EXPECTED}"


@pytest.mark.parametrize("path", ["link", "../elsewhere"])
def test_a_directory_outside_of_the_claim_is_refused(tmp_path: Path, path: str) -> None:
    declared(tmp_path / "elsewhere")
    (tmp_path / "claim").mkdir()
    (tmp_path / "claim" / "link").symlink_to("../elsewhere")
    with pytest.raises(DataError) as raised:
        read_claim(tmp_path / "claim" / path, tmp_path / "claim")
    assert raised.value.reason == "DataNotFound"
    assert str(raised.value) == f"the claim's folder {path}/ leads out of the claim: name a folder within it"
