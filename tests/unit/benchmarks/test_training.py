import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from catdog_common.artifact import LABELS
from catdog_trainer.data import Photo
from catdog_trainer.data.directory import read_directory
from tests.benchmarks.trainer import read_log
from tests.benchmarks.training.accuracy import GOALS, TRAININGS, VARIANTS
from tests.benchmarks.training.figures import (
    LabRound,
    PassFigures,
    PassRound,
    Repeated,
    SpeedFigures,
    Trained,
)
from tests.benchmarks.training.ideas import Idea, PhotoSet, answer, in_folds
from tests.benchmarks.training.photo_sets import folds, lay_out, lay_out_many
from tests.unit.trainer.builders import picture, put


def line(second: float, **fields: object) -> bytes:
    return json.dumps({"timestamp": f"2026-01-02T03:04:{second:06.3f}Z", **fields}).encode()


def trained(seconds: float, megabytes: float = 500) -> Trained:
    return Trained(1, seconds, {}, megabytes, megabytes / 2)


def test_stages_are_timed_by_the_trainers_log_whatever_else_is_in_it() -> None:
    lines = [
        b"WARNING: not ours",
        line(1, progress={"stage": "Starting"}),
        line(1.5, event="dataset read"),
        line(3, progress={"stage": "Features", "photos": 0}),
        line(4, progress={"stage": "Features", "photos": 100, "photosPerSecond": 100.0}),
        line(5, progress={"stage": "Features", "photos": 250, "photosPerSecond": 125.0}),
        line(6, progress={"stage": "Epochs"}),
        line(6.25, event="version present"),
    ]
    assert read_log(lines) == {"Starting": 2.0, "Features": 3.0, "Epochs": 0.25}


def test_each_photo_is_judged_in_one_fold_and_learnt_from_in_the_others() -> None:
    photos = [Path(f"cat/{number}.jpg") for number in range(12)]
    parts = list(folds(photos))
    assert len(parts) == 5
    assert sorted(photo for _, judged in parts for photo in judged) == sorted(photos)
    for learnt, judged in parts:
        assert sorted([*learnt, *judged]) == sorted(photos)


def test_photos_are_laid_out_with_their_labels(tmp_path: Path) -> None:
    cat, dog = put(tmp_path / "cat" / "1.png", picture(1)), put(tmp_path / "dog" / "1.png", picture(2))
    dataset = read_directory(
        lay_out(tmp_path / "data", [cat, dog], [put(tmp_path / "dog/2.png", picture(3))]), ""
    )
    assert dataset.counts() == {"training": {"cat": 1, "dog": 1}, "validation": {"cat": 0, "dog": 1}}


def test_more_photos_than_there_are_differ_by_their_bytes_and_keep_their_side_of_the_split(
    tmp_path: Path,
) -> None:
    files = [put(tmp_path / label / f"{n}.png", picture(n)) for label in ("cat", "dog") for n in range(10)]
    for number, file in enumerate(files):  # else a cat and a dog would have the same bytes
        file.write_bytes(picture(number))
    dataset = read_directory(lay_out_many(tmp_path / "data", files, 60), "")
    assert dataset.counts() == {"training": {"cat": 24, "dog": 24}, "validation": {"cat": 6, "dog": 6}}
    side: dict[str, set[str]] = {}
    for each in dataset.photos:
        shown = hashlib.sha256(each.read().rstrip(b"\0")).hexdigest()
        side.setdefault(shown, set()).add(each.split)
    assert len(side) == len(files)
    assert all(len(splits) == 1 for splits in side.values())


def test_ratios_are_those_of_the_middle_round_and_not_of_a_busy_one() -> None:
    rounds = [PassRound(60, 100, 8, 4), PassRound(10, 100, 6, 4), PassRound(35, 50, 5, 4)]
    figures = PassFigures(rounds, lab=[LabRound(2, 240), LabRound(1, 180), LabRound(0.5, 200)])
    assert (figures.of_bare, figures.of_lab) == (0.6, 30)
    assert figures.of_bare_by_processor == pytest.approx(4 / 6)
    assert figures.of_lab_by_processor == pytest.approx(30)


def test_times_are_projected_along_a_line_and_it_is_told_how_far_they_are_off() -> None:
    sizes = [
        Repeated(n, trained(seconds), trained(1)) for n, seconds in ((1000, 7.0), (2000, 9.0), (4000, 13.0))
    ]
    figures = SpeedFigures("tiny", PassFigures([], []), sizes)
    assert figures.projected_seconds(25_000) == pytest.approx(55.0)
    assert figures.seconds_a_photo == pytest.approx(0.002)
    assert figures.bend == pytest.approx(0.0)
    sizes[1] = Repeated(2000, trained(18.0), trained(1))
    assert figures.bend > 0.3


def test_every_task_with_a_goal_has_one_for_both_networks() -> None:
    lite0, lite2 = GOALS.values()
    assert lite0.keys() == lite2.keys()
    assert set(TRAININGS) < set(VARIANTS)


def two_kinds(count: int, mislabelled: int = 0) -> PhotoSet:
    """Return photos whose only feature tells them apart, some of them under the other label."""
    truth = np.arange(count) % 2
    labels = np.where(np.arange(count) < mislabelled, 1 - truth, truth)
    photos = tuple(
        Photo(f"{number:064x}", LABELS[label], "training", "", bytes) for number, label in enumerate(labels)
    )
    rows = np.where(truth, 3.0, -3.0).astype(np.float32)[:, np.newaxis]
    noise = np.random.default_rng(1).normal(size=(count, 3)).astype(np.float32)
    return PhotoSet(
        photos, {("tiny", "plain"): np.concatenate([rows, noise], axis=1), ("tiny", "noise"): noise}
    )


def test_what_folds_say_of_a_photo_is_said_by_heads_that_never_saw_it() -> None:
    photos = two_kinds(400)
    said, _ = in_folds(Idea("", ("tiny",)), photos)
    assert (said.argmax(axis=1) == photos.labels).all()
    lie = two_kinds(400, mislabelled=4)
    said, _ = in_folds(Idea("", ("tiny",)), lie)
    assert (said.argmax(axis=1) != lie.labels).sum() == 4, "learnt by heart they would be right"


def test_cleaning_leaves_out_what_is_surely_called_the_other_label() -> None:
    photos = two_kinds(4000, mislabelled=4)  # fewer make no head so sure
    _, left_out = answer(Idea("", ("tiny",), cleans=True), photos, photos)
    assert left_out == 4
