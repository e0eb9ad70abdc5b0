from dataclasses import replace

import numpy as np
import pytest

from catdog_common.artifact import Int8Cost, TrainingSettings
from catdog_trainer.data import Photo, Split
from catdog_trainer.features import Features
from catdog_trainer.precision import LEVEL, int8_cost, p_value, to_compare
from catdog_trainer.rows import Rows

SETTINGS = TrainingSettings("efficientnet-lite0", 224, 20, 32, 0.01, 42)


def photos(count: int, split: Split, prefix: str) -> list[Photo]:
    labels = ("cat", "dog")
    return [Photo(f"{prefix}{n:04}", labels[n % 2], split, "", bytes) for n in range(count)]


def features(noise: float, training: int = 100, validation: int = 60, seed: int = 1) -> Features:
    """Return features that tell cats from dogs, as well as their noise allows."""
    every = [*photos(training, "training", "t"), *photos(validation, "validation", "v")]
    centres = np.array([[1.0, 0, 0, 0] if photo.label == "cat" else [-1.0, 0, 0, 0] for photo in every])
    matrix = centres + np.random.default_rng(seed).normal(0, noise, centres.shape)
    return Features(tuple(every), Rows.of(matrix.astype(np.float32)), np.zeros((len(every), 4), np.uint64))


@pytest.mark.parametrize(
    ("only_int8", "only_float32", "expected"),
    [
        (0, 0, 1.0),
        (1, 0, 1.0),
        (0, 1, 0.5),
        (0, 6, 1 / 64),
        (0, 7, 1 / 128),
        (3, 3, 0.65625),  # 42 of 64
        (1, 9, 11 / 1024),
        (1, 10, 12 / 2048),
        (10, 1, 2047 / 2048),
    ],
)
def test_the_test_is_mcnemars_exact_one_sided(only_int8: int, only_float32: int, expected: float) -> None:
    assert p_value(only_int8, only_float32) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("only_int8", "only_float32", "too_much"),
    [
        (0, 6, False),
        (0, 7, True),
        (1, 9, False),
        (1, 10, True),
        (20, 20, False),
        (10, 1, False),
        (100, 160, True),
    ],
)
def test_float32_serves_where_int8_gets_significantly_more_wrong(
    only_int8: int, only_float32: int, *, too_much: bool
) -> None:
    cost = Int8Cost(200, 400, 300, 300, only_int8, only_float32, p_value(only_int8, only_float32), LEVEL)
    assert cost.is_too_much is too_much


def test_int8_that_loses_what_tells_cats_from_dogs_costs_too_much() -> None:
    lost = replace(features(0.3), matrix=features(20.0, seed=2).matrix)
    cost = int8_cost(lost, features(0.3), SETTINGS)
    assert (cost.training_photos, cost.photos, cost.float32_correct) == (100, 60, 60)
    assert cost.correct < 50
    assert (cost.only_int8, cost.only_float32) == (0, 60 - cost.correct)
    assert cost.is_too_much


def test_float32_that_is_worse_never_serves() -> None:
    worse = replace(features(0.3), matrix=features(20.0, seed=2).matrix)
    cost = int8_cost(features(0.3), worse, SETTINGS)
    assert cost.correct == 60
    assert cost.only_int8 == 60 - cost.float32_correct > 10
    assert not cost.is_too_much


def test_steps_so_small_as_those_of_int8_cost_nothing() -> None:
    exact = features(0.3)
    rounded = replace(exact, matrix=Rows.of((np.round(exact.matrix[:] * 50) / 50).astype(np.float32)))
    cost = int8_cost(rounded, exact, SETTINGS)
    assert cost.correct == cost.float32_correct == 60
    assert not cost.is_too_much


def test_each_head_learns_from_the_features_of_its_own_trunk() -> None:
    """Another trunk may have them in another order, and on another scale."""
    other = replace(
        features(0.3), matrix=Rows.of((1000 * features(0.3).matrix[:][:, ::-1] - 7).astype(np.float32))
    )
    assert int8_cost(other, features(0.3), SETTINGS).correct == 60


def test_as_many_training_photos_of_each_label_are_compared_and_the_first_of_validation() -> None:
    some = features(0.3, training=500, validation=500)
    cats_first = replace(
        some, photos=tuple(sorted(some.photos, key=lambda photo: (photo.split, photo.label, photo.digest)))
    )
    compared = to_compare(cats_first)
    training, validation = compared.of("training").photos, compared.of("validation").photos
    assert [sum(photo.label == label for photo in training) for label in ("cat", "dog")] == [100, 100]
    assert len(validation) == 400
    assert list(compared.photos) == [photo for photo in cats_first.photos if photo in compared.photos]


def test_of_fewer_photos_all_are_compared() -> None:
    some = features(0.3, training=30, validation=10)
    assert to_compare(some).photos == some.photos
