import pytest

from catdog_trainer.data import DataError, Dataset, Photo, check
from tests.unit.trainer.builders import photo

SOURCE = "the claim's folder data/"


def dataset(training: tuple[int, int], validation: tuple[int, int], *, plain: bool = False) -> Dataset:
    photos: list[Photo] = []
    for split, counts in (("training", training), ("validation", validation)):
        for label, count in zip(("cat", "dog"), counts, strict=True):
            photos += [photo(100 * len(photos) + n, label, split) for n in range(count)]  # type: ignore[arg-type]
    layout = ("{label}/",) if plain else ("training/{label}/", "validation/{label}/")
    return Dataset(SOURCE, layout, tuple(photos))


def failure(data: Dataset) -> tuple[str, str]:
    with pytest.raises(DataError) as raised:
        check(data)
    return raised.value.reason, str(raised.value)


def test_ten_photos_to_learn_from_and_two_to_measure_with_of_each_are_enough() -> None:
    check(dataset((10, 10), (2, 2)))


@pytest.mark.parametrize(
    ("training", "validation"), [((9, 50), (5, 5)), ((10, 10), (5, 1)), ((10, 10), (0, 0))]
)
def test_fewer_are_too_few(training: tuple[int, int], validation: tuple[int, int]) -> None:
    assert failure(dataset(training, validation))[0] == "TooFewPhotos"


def test_too_few_says_what_was_found_and_what_is_needed() -> None:
    reason, message = failure(dataset((9, 50), (0, 5)))
    assert reason == "TooFewPhotos"
    assert message == (
        "the claim's folder data/ has too few photos: training has 9 of cats and 50 of dogs, needed are 10 "
        "of each; validation has 0 of cats and 5 of dogs, needed are 2 of each; put more into "
        "training/cat/, training/dog/, validation/cat/ and validation/dog/"
    )


def test_one_label_only_says_where_the_other_goes() -> None:
    assert failure(dataset((50, 0), (10, 0), plain=True)) == (
        "ClassMissing",
        "the claim's folder data/ has photos of cats only: put photos of dogs into dog/",
    )


def test_files_that_are_no_photos_are_named() -> None:
    whole = dataset((20, 0), (0, 0), plain=True)
    data = whole.without(whole.photos)
    reason, message = failure(data)
    assert reason == "NoReadablePhotos"
    assert message == (
        "the claim's folder data/ has 20 files and none is a photo that can be read (training/cat/0.png, "
        "training/cat/1.png, training/cat/10.png, …): put photos into cat/ and dog/"
    )


def test_what_is_unreadable_is_named_in_one_order_whichever_stage_found_it() -> None:
    whole = dataset((3, 0), (0, 0))
    first, second, third = whole.photos
    told = whole.without([third]).without([first]).unreadable
    assert told == whole.without([first, third]).unreadable == (first.name, third.name)
    assert second.name not in told


def test_a_label_whose_files_are_no_photos_is_missing_and_they_are_named() -> None:
    whole = dataset((20, 1), (5, 0), plain=True)
    reason, message = failure(whole.without(p for p in whole.photos if p.label == "dog"))
    assert reason == "ClassMissing"
    assert "has photos of cats only (and 1 file that can't be read: training/dog/2000.png):" in message


def test_no_name_is_so_long_that_it_fills_the_message() -> None:
    names = tuple(f"training/cat/{'x' * 5000}{n}.png" for n in range(500))
    _, message = failure(Dataset(SOURCE, ("{label}/",), (), names))
    assert len(message) < 500


def test_the_digest_is_of_content_label_and_split() -> None:
    one = dataset((10, 10), (2, 2))
    assert dataset((10, 10), (2, 2)).digest() == one.digest()
    assert dataset((10, 10), (2, 3)).digest() != one.digest()


def test_near_copies_are_left_out_counted_and_told_where_too_few_photos_are_left() -> None:
    whole = dataset((10, 10), (2, 2), plain=True)
    near = whole.of("validation")[:1]
    data = whole.without_near_copies(near)
    assert data.counts()["validation"] == {"cat": 1, "dog": 2}
    assert (data.near_copies, data.unreadable) == ((near[0].name,), ())
    reason, message = failure(data)
    assert reason == "TooFewPhotos"
    assert "few photos (and 1 for validation that are nearly equal to training photos): training" in message
