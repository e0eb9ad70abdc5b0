from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from structlog.testing import capture_logs

from catdog_common.artifact import MODEL_FILE, PHOTOS_FILE, ChampionComparison, Head, version_dir
from catdog_common.predictor import Predictor, TrunkOutput
from catdog_trainer.champion import Champion, find_champion
from catdog_trainer.data import Dataset, Photo
from catdog_trainer.export import publish, write_draft
from catdog_trainer.measure import Measurement, count_predictions, measure
from catdog_trainer.train import Epoch
from tests.tiny_version import GREEN_IS_UNKNOWN, publish_tiny_version
from tests.unit.trainer.builders import BLUE, RED, RED_IS_CAT, TINY_TRUNK, metadata, photo, picture

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


def measured_beside(champion: Champion | None, draft: Path) -> tuple[Measurement, int]:
    """Measure a draft; return what came out, and how many predictions were counted."""
    counted: list[None] = []
    measured = measure(draft, VALIDATION, champion, threads=2, on_prediction=lambda: counted.append(None))
    assert len(counted) == count_predictions(VALIDATION, champion)
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
    measured = measure(directory, [*VALIDATION, green], None, 1, lambda: None).metrics
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
    assert predictions == 6


def test_photos_that_the_champion_learnt_from_are_compared_by_neither(tmp_path: Path, draft: Path) -> None:
    learnt = replace(VALIDATION[0], split="training")
    publish_champion(tmp_path, BLUE_IS_CAT, (learnt, *VALIDATION[1:]))
    measured, predictions = measured_beside(find(tmp_path), draft)
    assert measured.comparison == ChampionComparison(champion=1, photos=2, correct=1, champion_correct=1)
    assert (measured.metrics.photos, measured.metrics.correct, predictions) == (3, 2, 5)


def test_where_the_champion_learnt_from_all_of_them_they_are_compared_on_none(
    tmp_path: Path, draft: Path
) -> None:
    publish_champion(tmp_path, RED_IS_CAT, tuple(replace(each, split="training") for each in VALIDATION))
    measured, _ = measured_beside(find(tmp_path), draft)
    assert measured.comparison == ChampionComparison(champion=1, photos=0, correct=0, champion_correct=0)
    assert measured.metrics.photos == 3


class TwiceAsLarge(Predictor):
    """A predictor that takes pictures of 32 pixels."""

    @property
    def image_size(self) -> int:
        return 32

    def run(self, image: NDArray[np.uint8]) -> TrunkOutput:
        assert image.shape == (32, 32, 3)
        return super().run(image[::2, ::2])


@pytest.mark.parametrize(("kind", "times"), [(Predictor, 1), (TwiceAsLarge, 2)])
def test_a_photo_is_decoded_once_for_both_unless_they_take_other_sizes(
    tmp_path: Path, draft: Path, kind: type[Predictor], times: int
) -> None:
    directory = publish_champion(tmp_path, RED_IS_CAT)
    champion = replace(find(tmp_path), predictor=kind.load(directory, threads=1))
    reads: list[str] = []

    def read() -> bytes:
        reads.append("read")
        return picture(1, RED)

    measured = measure(draft, [replace(VALIDATION[0], read=read)], champion, 1, lambda: None)
    assert measured.comparison == ChampionComparison(champion=1, photos=1, correct=1, champion_correct=1)
    assert len(reads) == times


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
