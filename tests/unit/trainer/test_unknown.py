import numpy as np
import pytest
from numpy.typing import NDArray

from catdog_common.artifact import UnknownRule
from catdog_common.unknown import PetScorer, at_length_one
from catdog_trainer.data import Split
from catdog_trainer.features import Features, extract_features
from catdog_trainer.rows import Rows
from catdog_trainer.unknown import ENOUGH_VALIDATION, fit_unknown, threshold
from tests.unit.trainer.builders import TINY_TRUNK, photo

WIDTH = 40
PETS = np.random.default_rng(7).uniform(1, 2, WIDTH)  # what all pets have in common


def features(count: int, split: Split, seed: int, *, has_classes: bool = True) -> Features:
    """Return features of pets: alike but for noise, and known to ImageNet as pets."""
    random = np.random.default_rng(seed)
    matrix = (PETS + random.normal(0, 0.2, (count, WIDTH))).astype(np.float32)
    photos = tuple(photo(n, "cat", split, str((seed, n)).encode()) for n in range(count))
    log_odds = random.normal(2, 1, count) if has_classes else None
    return Features(photos, Rows.of(matrix), np.zeros((count, 4), np.uint64), log_odds)


def fitted(training: Features, validation: Features) -> UnknownRule:
    rule = fit_unknown(training, validation)
    assert rule is not None
    return rule


def unknown(rule: UnknownRule, pictures: Features) -> NDArray[np.bool_]:
    scorer = PetScorer(rule)
    assert pictures.log_odds is not None
    return scorer.scores(pictures.log_odds, scorer.distances(pictures.matrix[:])) < rule.threshold


@pytest.mark.parametrize("training", [20, 80, 600])
def test_about_one_in_a_hundred_pets_is_unknown_whether_photos_are_few_or_many(training: int) -> None:
    rule = fitted(features(training, "training", 1), features(training // 4, "validation", 2))
    assert unknown(rule, features(4000, "validation", 3)).mean() < 0.04


def test_ninety_nine_in_a_hundred_validation_pets_pass_where_they_are_enough() -> None:
    validation = features(1000, "validation", 2)
    rule = fitted(features(300, "training", 1), validation)
    assert (rule.measured_on, rule.of_training) == (1000, 0)
    assert unknown(rule, validation).sum() == 9  # the tenth from below is the threshold, and passes


def test_what_has_other_features_and_no_pet_for_imagenet_is_unknown() -> None:
    rule = fitted(features(80, "training", 1), features(20, "validation", 2))
    others = Features(
        (),
        Rows.of(np.random.default_rng(4).uniform(0, 3, (50, WIDTH)).astype(np.float32)),
        np.zeros((50, 4), np.uint64),
        np.full(50, -3.0),
    )
    assert unknown(rule, others).all()


def test_with_few_validation_photos_training_photos_help_to_find_the_threshold() -> None:
    rule = fitted(features(80, "training", 1), features(ENOUGH_VALIDATION - 1, "validation", 2))
    assert (rule.measured_on, rule.of_training) == (80 + ENOUGH_VALIDATION - 1, 80)


def test_training_photos_are_scored_as_if_they_had_not_been_learnt() -> None:
    """By a rule that has learnt them they would be far nearer than validation photos are."""
    training, validation = features(80, "training", 1), features(2000, "validation", 2)
    rule = fitted(training, validation)
    assert rule.distance.mean == pytest.approx(
        PetScorer(rule).distances(validation.matrix[:]).mean(), rel=0.1
    )
    assert PetScorer(rule).distances(training.matrix[:]).mean() < 0.8 * rule.distance.mean


@pytest.mark.parametrize("training", [60, 61, 600])
def test_training_photos_are_scored_as_by_a_gaussian_of_the_other_folds(training: int) -> None:
    """Each fitted from nothing, by all directions there are, as `numpy` finds them."""
    learnt = features(training, "training", 1)
    rows, distances = at_length_one(learnt.matrix[:]), np.empty(training)
    for fold in range(5):
        inside = np.arange(training) % 5 == fold
        others = rows[~inside]
        values, vectors = np.linalg.eigh(np.cov(others, rowvar=False, bias=True))
        count = min(32, len(others) // 4)
        rest = values[:-count].sum() / (WIDTH - count)
        along = (rows[inside] - others.mean(axis=0)) @ vectors
        scales = np.maximum(np.concatenate([np.full(WIDTH - count, rest), values[-count:]]), rest)
        distances[inside] = np.sqrt((along**2 / scales).sum(axis=1))
    rule = fitted(learnt, features(30, "validation", 2))
    assert rule.distance.mean == pytest.approx(distances.mean(), rel=1e-4)
    assert rule.distance.deviation == pytest.approx(distances.std(), rel=1e-3)


def test_the_threshold_is_the_hundredth_of_the_scores_from_below() -> None:
    assert threshold(np.arange(99.0)) == 0
    assert threshold(np.arange(198.0)) == 0
    assert threshold(np.arange(199.0)) == 1


def test_with_too_few_scores_for_a_hundredth_the_threshold_is_below_all_that_were_seen() -> None:
    scores = np.arange(98.0)
    assert threshold(scores) == pytest.approx(scores.mean() - 3 * scores.std())
    assert threshold(scores) < 0
    outlier = np.array([*np.ones(90), -50.0])
    assert threshold(outlier) == -50


def test_a_trunk_without_imagenets_classes_gives_no_rule() -> None:
    training = features(20, "training", 1, has_classes=False)
    assert fit_unknown(training, features(5, "validation", 2, has_classes=False)) is None


def test_photos_that_are_all_alike_give_a_rule_all_the_same() -> None:
    photos = [photo(n, "cat", "training" if n % 5 else "validation") for n in range(30)]
    seen = extract_features(photos, TINY_TRUNK, threads=1, on_photo=lambda: None)
    rule = fitted(seen.of("training"), seen.of("validation"))
    assert not unknown(rule, seen).any()


def test_the_directions_are_those_in_which_pets_vary_most() -> None:
    random = np.random.default_rng(5)
    matrix = np.tile(np.array([3.0, 0, 0, 0]), (400, 1)) + random.normal(0, [0, 1, 0.1, 0.01], (400, 4))
    pictures = Features(
        (), Rows.of(matrix.astype(np.float32)), np.zeros((400, 4), np.uint64), random.normal(2, 1, 400)
    )
    rule = fitted(pictures, pictures)
    first = np.abs(rule.directions[0])
    assert first.argmax() == 1
    assert list(rule.variances) == sorted(rule.variances, reverse=True)
    along = (at_length_one(pictures.matrix[:]) - rule.mean) @ np.array(rule.directions[0])
    assert rule.variances[0] == pytest.approx(along.var(), rel=1e-3)
