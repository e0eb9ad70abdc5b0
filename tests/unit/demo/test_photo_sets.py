from pathlib import Path

import pytest

from tests.demo.photo_sets import find_photos, hold_out, label_of


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("cat/anything.jpg", "cat"),
        ("Dogs/1.png", "dog"),
        ("train/cat.0.jpg", "cat"),
        ("train/dog.12499.jpg", "dog"),
        ("images/Maine_Coon_12.jpg", "cat"),
        ("images/american_bulldog_100.jpg", "dog"),
        ("images/holiday.jpg", None),
    ],
)
def test_a_photo_is_labelled_by_its_folder_or_by_the_names_of_known_data_sets(
    path: str, label: str | None
) -> None:
    assert label_of(Path(path)) == label


def test_half_of_what_is_held_out_is_of_each_label_and_none_of_it_is_trained_on(tmp_path: Path) -> None:
    _make_photos(tmp_path, cats=30, dogs=20)
    photos = hold_out(find_photos(tmp_path), 10)
    assert sorted(photo.label for photo in photos.held_out) == ["cat"] * 5 + ["dog"] * 5
    assert len(photos.training) == 40
    assert not set(photos.training) & set(photos.held_out)


def test_never_more_than_half_of_the_photos_is_held_out(tmp_path: Path) -> None:
    _make_photos(tmp_path, cats=4, dogs=100)
    photos = hold_out(find_photos(tmp_path), 200)
    assert sum(photo.label == "cat" for photo in photos.training) == 2
    assert sum(photo.label == "dog" for photo in photos.training) == 50


def test_photos_of_one_label_alone_are_refused_with_what_to_do(tmp_path: Path) -> None:
    _make_photos(tmp_path, cats=3, dogs=0)
    with pytest.raises(ValueError, match=r"has no photo of a dog: put photos into folders cat/ and dog/"):
        find_photos(tmp_path)


def _make_photos(directory: Path, *, cats: int, dogs: int) -> None:
    for label, count in (("cat", cats), ("dog", dogs)):
        (directory / label).mkdir()
        for number in range(count):
            (directory / label / f"{number}.jpg").write_bytes(b"photo")
