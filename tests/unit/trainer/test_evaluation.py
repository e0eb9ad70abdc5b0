from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catdog_trainer.evaluation import calibration_bins, roc_curve, wilson_interval


def test_the_roc_of_four_photos_is_what_one_finds_by_hand() -> None:
    # dogs .9 and .6, cats .6 and .1: of four pairs three are in order, and one is even
    roc = roc_curve(np.array([0.6, 0.9, 0.1, 0.6], np.float32), np.array([True, True, False, False]))
    assert roc.auc == pytest.approx(3.5 / 4)
    assert roc.false_positive_rate.tolist() == [0, 0, 0.5, 1]
    assert roc.true_positive_rate.tolist() == [0, 0.5, 1, 1]


@pytest.mark.parametrize(
    ("scores", "auc"), [((0.9, 0.8, 0.2), 1.0), ((0.1, 0.2, 0.9), 0.0), ((0.5,) * 3, 0.5)]
)
def test_perfect_order_is_one_the_reverse_none_and_no_order_a_half(
    scores: tuple[float, ...], auc: float
) -> None:
    assert roc_curve(np.array(scores, np.float32), np.array([True, True, False])).auc == pytest.approx(auc)


scored = st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=2).filter(
    lambda pairs: len({positive for _, positive in pairs}) == 2
)


@given(scored)
def test_the_area_is_how_often_a_positive_is_ahead_of_a_negative(pairs: list[tuple[int, bool]]) -> None:
    positives = [score for score, positive in pairs if positive]
    negatives = [score for score, positive in pairs if not positive]
    ahead = sum((p > n) + (p == n) / 2 for p in positives for n in negatives)
    scores, positive = np.array([s / 8 for s, _ in pairs], np.float32), np.array([p for _, p in pairs])
    roc = roc_curve(scores, positive)
    assert roc.auc == pytest.approx(ahead / (len(positives) * len(negatives)))
    for rates in (roc.false_positive_rate, roc.true_positive_rate):
        assert (rates[0], rates[-1]) == (0, 1)
        assert (np.diff(rates) >= 0).all()


def test_bins_have_the_mean_confidence_and_the_share_that_is_right() -> None:
    confidence = np.array([0.5, 0.52, 0.7, 0.96, 0.98, 1.0], np.float32)
    right = np.array([True, False, False, True, True, False])
    bins = [astuple(each) for each in calibration_bins(confidence, right)]
    assert bins == [
        pytest.approx((0.5, 0.55, 2, 0.51, 1)),
        pytest.approx((0.65, 0.7, 1, 0.7, 0)),
        pytest.approx((0.95, 1.0, 3, 0.98, 2)),
    ]


def test_a_bin_takes_its_lower_end_and_the_last_its_upper_one_too() -> None:
    bins = calibration_bins(np.array([0.5, 0.75, 1.0], np.float32), np.array([True, True, True]))
    assert [each.lower for each in bins] == pytest.approx([0.5, 0.75, 0.95])


@given(st.lists(st.tuples(st.floats(0.5, 1, width=32), st.booleans()), min_size=1))
def test_each_photo_is_in_one_bin_that_its_confidence_belongs_to(pairs: list[tuple[float, bool]]) -> None:
    confidence, right = np.array([c for c, _ in pairs], np.float32), np.array([r for _, r in pairs])
    bins = calibration_bins(confidence, right)
    assert sum(each.photos for each in bins) == len(pairs)
    assert sum(each.right for each in bins) == right.sum()
    for each in bins:
        assert each.lower - 1e-6 <= each.confidence <= each.upper + 1e-6
        assert each.accuracy == each.right / each.photos


@pytest.mark.parametrize(
    ("correct", "photos", "lowest", "highest"),
    [(8, 10, 0.4902, 0.9433), (10, 10, 0.7225, 1.0), (0, 10, 0.0, 0.2775), (0, 0, 0.0, 1.0)],
)
def test_the_interval_of_an_accuracy_is_wilsons(
    correct: int, photos: int, lowest: float, highest: float
) -> None:
    assert wilson_interval(correct, photos) == pytest.approx((lowest, highest), abs=1e-4)
