from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from structlog.testing import capture_logs

from catdog_common.artifact import (
    MODEL_FILE,
    PHOTOS_FILE,
    ChampionComparison,
    Head,
    Resampling,
    file_digest,
    version_dir,
)
from catdog_common.images import decode_image
from catdog_common.predictor import Predictor, TrunkOutput
from catdog_trainer.champion import Champion, find_champion
from catdog_trainer.data import Dataset, Photo
from catdog_trainer.export import publish, write_draft
from catdog_trainer.features import Features, extract_features
from catdog_trainer.measure import (
    SPOT_CHECKS,
    Measurement,
    NotAsServedError,
    check_features,
    count_predictions,
    decode_as_served,
    measure,
)
from catdog_trainer.rows import Rows
from catdog_trainer.train import Epoch
from tests.tiny_version import GREEN_IS_UNKNOWN, publish_tiny_version
from tests.unit.trainer.builders import BLUE, RED, RED_IS_CAT, TINY_TRUNK, metadata, photo, picture
from tests.unit.trainer.test_features import split_picture

BLUE_IS_CAT = Head(weights=RED_IS_CAT.weights[::-1], bias=RED_IS_CAT.bias)
VALIDATION = (
    photo(1, "cat", "validation", picture(1, RED)),
    photo(2, "dog", "validation", picture(2, BLUE)),
    photo(3, "dog", "validation", picture(3, RED)),
)


def write_some_draft(directory: Path, head: Head, photos: tuple[Photo, ...] = ()) -> Path:
    dataset = Dataset("the claim's folder data/", ("{label}/",), photos)
    history = [Epoch(1, 0.5, 0.8, 0.6, 0.7)]
    write_draft(directory, TINY_TRUNK, msgspec.structs.replace(metadata(), head=head), dataset, history)
    return directory


def publish_champion(storage: Path, head: Head, photos: tuple[Photo, ...] = VALIDATION) -> Path:
    """Publish a version whose training used these photos, as their splits say."""
    draft = write_some_draft(storage / "champion", head, photos)
    version = publish(draft, storage, msgspec.structs.replace(metadata(), head=head))
    return version_dir(storage, "pets", version)


def find(storage: Path) -> Champion:
    champion = find_champion(storage, "pets", 1, threads=1)
    assert champion is not None
    return champion


def features_of(photos: Sequence[Photo], trunk: Path = TINY_TRUNK) -> Features:
    return extract_features(photos, trunk, threads=1, on_photo=lambda: None)


def measured_beside(champion: Champion | None, draft: Path) -> tuple[Measurement, int]:
    """Measure a draft; return what came out, and how many predictions were counted."""
    counted: list[None] = []
    features = features_of(VALIDATION)
    measured = measure(draft, features, champion, threads=2, on_prediction=lambda: counted.append(None))
    assert len(counted) == count_predictions(VALIDATION, champion, file_digest(TINY_TRUNK))
    return measured, len(counted)


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    return write_some_draft(tmp_path / "draft", RED_IS_CAT)


def test_metrics_are_counts_and_mean_log_loss_of_the_predictor_on_the_written_files(draft: Path) -> None:
    measured, predictions = measured_beside(None, draft)
    metrics = measured.metrics
    assert (metrics.photos, metrics.correct, predictions) == (3, 2, 3)
    assert metrics.accuracy == pytest.approx(2 / 3)
    assert metrics.confusion == {"cat": {"cat": 1, "dog": 0}, "dog": {"cat": 1, "dog": 1}}
    assert 1.5 < metrics.log_loss < 2.5  # two sure and right, one as sure and wrong by some 5.6 nats


def test_a_photo_that_is_answered_unknown_counts_by_its_more_probable_label_and_beside_it(
    tmp_path: Path,
) -> None:
    green = photo(4, "cat", "validation", picture(4, (20, 200, 20)))
    directory = publish_tiny_version(tmp_path, unknown=GREEN_IS_UNKNOWN)
    measured = measure(directory, features_of([*VALIDATION, green]), None, 1, lambda: None).metrics
    assert measured.unknown == 1
    assert sum(sum(row.values()) for row in measured.confusion.values()) == measured.photos == 4
    assert measured.correct in (2, 3)  # green is as much a cat as a dog


def test_a_version_that_never_says_unknown_has_no_count_of_it(draft: Path) -> None:
    assert measured_beside(None, draft)[0].metrics.unknown is None


def test_without_a_champion_nothing_is_compared(draft: Path) -> None:
    assert measured_beside(None, draft)[0].comparison is None


def test_challenger_and_champion_answer_on_the_same_photos(tmp_path: Path, draft: Path) -> None:
    publish_champion(tmp_path, BLUE_IS_CAT)
    measured, predictions = measured_beside(find(tmp_path), draft)
    assert measured.comparison == ChampionComparison(champion=1, photos=3, correct=2, champion_correct=1)
    assert predictions == 3  # the champion's trunk is the draft's


def test_photos_that_the_champion_learnt_from_are_compared_by_neither(tmp_path: Path, draft: Path) -> None:
    learnt = replace(VALIDATION[0], split="training")
    publish_champion(tmp_path, BLUE_IS_CAT, (learnt, *VALIDATION[1:]))
    measured, predictions = measured_beside(find(tmp_path), draft)
    assert measured.comparison == ChampionComparison(champion=1, photos=2, correct=1, champion_correct=1)
    assert (measured.metrics.photos, measured.metrics.correct, predictions) == (3, 2, 3)


def test_where_the_champion_learnt_from_all_of_them_they_are_compared_on_none(
    tmp_path: Path, draft: Path
) -> None:
    publish_champion(tmp_path, RED_IS_CAT, tuple(replace(each, split="training") for each in VALIDATION))
    measured, _ = measured_beside(find(tmp_path), draft)
    assert measured.comparison == ChampionComparison(champion=1, photos=0, correct=0, champion_correct=0)
    assert measured.metrics.photos == 3


class TwiceAsLarge(Predictor):
    """A predictor that takes pictures of 32 pixels, and what is red for blue."""

    @property
    def image_size(self) -> int:
        return 32

    def run(self, image: NDArray[np.uint8]) -> TrunkOutput:
        assert image.shape == (32, 32, 3)
        return super().run(np.ascontiguousarray(image[::2, ::2, ::-1]))


def test_a_champion_of_another_trunk_is_asked_about_the_photos_themselves(
    tmp_path: Path, draft: Path
) -> None:
    learnt = replace(VALIDATION[0], split="training")
    directory = publish_champion(tmp_path, BLUE_IS_CAT, (learnt, *VALIDATION[1:]))
    predictor = TwiceAsLarge.load(directory, threads=1)
    champion = replace(find(tmp_path), predictor=predictor, trunk_digest="sha256:another")
    measured, predictions = measured_beside(champion, draft)
    assert measured.comparison == ChampionComparison(champion=1, photos=2, correct=1, champion_correct=1)
    assert predictions == 3 + 2


def test_a_champion_that_learnt_from_photos_resized_otherwise_is_asked_about_the_photos_so_resized(
    tmp_path: Path, draft: Path
) -> None:
    champion = find_as_by(publish_champion(tmp_path, BLUE_IS_CAT).parents[2], Resampling.BICUBIC)
    measured, predictions = measured_beside(champion, draft)
    assert measured.comparison == ChampionComparison(champion=1, photos=3, correct=2, champion_correct=1)
    assert predictions == 3 + 3


def test_a_photo_is_asked_about_as_the_version_learnt_to_see_it(tmp_path: Path) -> None:
    publish_champion(tmp_path, RED_IS_CAT)
    half = photo(9, "cat", "validation", split_picture(RED, BLUE))
    for resampling in Resampling:
        seen = decode_as_served(find_as_by(tmp_path, resampling).predictor, half)
        same = [np.array_equal(seen, decode_image(half.read(), 16, each)) for each in Resampling]
        assert same == [each == resampling for each in Resampling]


def find_as_by(storage: Path, resampling: Resampling) -> Champion:
    """Find a champion that then says that it learnt from photos so resized."""
    champion = find(storage)
    said = msgspec.structs.replace(champion.predictor.metadata, resampling=resampling)
    return replace(champion, predictor=Predictor(champion.predictor.trunk, said))


def test_a_champion_of_another_trunk_that_learnt_all_photos_is_asked_about_none(
    tmp_path: Path, draft: Path
) -> None:
    publish_champion(tmp_path, RED_IS_CAT, tuple(replace(each, split="training") for each in VALIDATION))
    measured, predictions = measured_beside(replace(find(tmp_path), trunk_digest="sha256:another"), draft)
    assert measured.comparison == ChampionComparison(champion=1, photos=0, correct=0, champion_correct=0)
    assert predictions == 3


MANY = tuple(
    photo(number, "cat", "validation", picture(number, (200 - number, 20, 20 + 2 * number)))
    for number in range(90)
)


def test_what_is_measured_by_features_is_what_the_files_answer_to_the_photos(tmp_path: Path) -> None:
    directory = publish_tiny_version(tmp_path, unknown=GREEN_IS_UNKNOWN)
    greens = [photo(n, "cat", "validation", picture(n, (9, 2 * n, 150 - n))) for n in range(100, 110)]
    photos = (*MANY, *greens)
    predictor = Predictor.load(directory, threads=1)
    served = predictor.answer([predictor.decode(each.read()) for each in photos])
    assert set(served.labels) == {"cat", "dog", "unknown"}
    answers = measure(directory, features_of(photos), None, 1, lambda: None).answers
    np.testing.assert_allclose([each.probabilities for each in answers], served.probabilities, atol=1e-6)
    assert [each.is_unknown for each in answers] == [label == "unknown" for label in served.labels]


def passes_the_whole_way(directory: Path, features: Features) -> set[str]:
    """Measure, and return the digests of the photos whose files were read for that."""
    read: list[str] = []

    def noting(each: Photo) -> Photo:
        def noted() -> bytes:
            read.append(each.digest)
            return each.read()

        return replace(each, read=noted)

    measure(directory, replace(features, photos=tuple(map(noting, features.photos))), None, 1, lambda: None)
    assert len(read) == len(set(read)) == min(SPOT_CHECKS, len(features.photos))
    return set(read)


def test_twenty_photos_pass_the_whole_way_and_the_least_sure_are_among_them(draft: Path) -> None:
    features = features_of(MANY)
    passed = passes_the_whole_way(draft, features)
    answers = measure(draft, features, None, 1, lambda: None).answers
    least_sure = sorted(answers, key=lambda each: float(each.probabilities.max()))[:10]
    assert {each.photo.digest for each in least_sure} < passed
    assert len(passed) == 20


def test_of_fewer_photos_all_pass_the_whole_way(draft: Path) -> None:
    assert len(passes_the_whole_way(draft, features_of(VALIDATION))) == 3


def test_features_that_are_not_those_of_the_photos_are_noticed(draft: Path) -> None:
    features = features_of(VALIDATION)
    swapped = replace(features, matrix=features.matrix.only([1, 0, 2]))
    with pytest.raises(NotAsServedError, match=r"/cat/1\.png: .* serve answer cat, .* comes to dog"):
        measure(draft, swapped, None, 1, lambda: None)


def test_a_probability_that_differs_is_noticed_though_the_answer_is_the_same(draft: Path) -> None:
    features = features_of(MANY)
    measure(
        draft, replace(features, matrix=Rows.of(features.matrix[:] + np.float32(1e-6))), None, 1, lambda: None
    )
    dimmed = replace(features, matrix=Rows.of(features.matrix[:] * np.float32(0.99)))
    with pytest.raises(NotAsServedError, match=r"serve answer (\w+), .* comes to \1"):
        measure(draft, dimmed, None, 1, lambda: None)


def test_log_odds_that_are_not_those_of_the_photos_are_noticed(tmp_path: Path) -> None:
    directory = publish_tiny_version(tmp_path, unknown=GREEN_IS_UNKNOWN)
    features = features_of(VALIDATION)
    assert features.log_odds is not None
    with pytest.raises(NotAsServedError, match=r"serve answer cat.* comes to unknown"):
        measure(directory, replace(features, log_odds=features.log_odds - 100), None, 1, lambda: None)


def test_features_of_the_trunk_pass_a_check_and_others_do_not() -> None:
    features = features_of(MANY)
    check_features(features, TINY_TRUNK)
    shifted = replace(features, matrix=Rows.of(np.roll(features.matrix[:], 1, axis=1)))
    with pytest.raises(NotAsServedError, match="not what their trunk says"):
        check_features(shifted, TINY_TRUNK)
    gone = replace(features, photos=(photo(1, "cat", "validation", b""), *MANY[1:]))
    with pytest.raises(OSError, match="can no longer be read"):
        check_features(gone, TINY_TRUNK)


def test_a_photo_that_can_no_longer_be_read_ends_the_measuring(draft: Path) -> None:
    gone = replace(features_of(VALIDATION), photos=(photo(1, "cat", "validation", b""), *VALIDATION[1:]))
    with pytest.raises(OSError, match="can no longer be read"):
        measure(draft, gone, None, 1, lambda: None)


def test_a_model_that_serves_nothing_yet_has_no_champion(tmp_path: Path) -> None:
    assert find_champion(tmp_path, "pets", None, threads=1) is None


def test_a_champion_that_is_gone_is_none(tmp_path: Path) -> None:
    publish_champion(tmp_path, RED_IS_CAT)
    assert find_champion(tmp_path, "pets", 2, threads=1) is None


@pytest.mark.parametrize("file", [MODEL_FILE, PHOTOS_FILE])
def test_a_champion_that_is_damaged_is_none_and_the_log_names_the_file(tmp_path: Path, file: str) -> None:
    directory = publish_champion(tmp_path, RED_IS_CAT)
    (directory / file).write_bytes((directory / file).read_bytes() + b"\n")
    with capture_logs() as lines:
        assert find_champion(tmp_path, "pets", 1, threads=1) is None
    assert (lines[0]["log_level"], lines[0]["version"]) == ("warning", 1)
    assert f"{file} is not the file that was published" in lines[0]["error"]


def test_a_champion_that_does_not_say_what_it_learnt_from_is_none(tmp_path: Path) -> None:
    publish_tiny_version(tmp_path)
    assert find_champion(tmp_path, "pets", 1, threads=1) is None
