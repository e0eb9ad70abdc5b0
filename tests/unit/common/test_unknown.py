from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from catdog_common.artifact import (
    MODEL_FILE,
    Scale,
    UnknownRule,
    VersionDamagedError,
    read_metadata,
    write_manifest,
)
from catdog_common.predictor import Predictor
from catdog_common.unknown import PetScorer, at_length_one, pet_log_odds
from tests.tiny_version import GREEN_IS_UNKNOWN, SIDE, publish_tiny_version

RULE = UnknownRule(
    threshold=-2.0,
    log_odds=Scale(0.0, 1.0),
    distance=Scale(0.0, 1.0),
    mean=(0.6, 0.8, 0.0),
    directions=((0.0, 0.0, 1.0),),
    variances=(4.0,),
    other_variance=0.25,
    measured_on=100,
)


def classes(**probabilities: float) -> NDArray[np.float32]:
    row = np.zeros((1, 1000), np.float32)
    for name, probability in probabilities.items():
        row[0, int(name.removeprefix("c"))] = probability
    return row


def plain(red: int, green: int, blue: int) -> NDArray[np.uint8]:
    return np.full((SIDE, SIDE, 3), (red, green, blue), np.uint8)


@pytest.mark.parametrize("pet", [151, 268, 281, 285])
@pytest.mark.parametrize("other", [150, 269, 280, 286])
def test_the_first_and_last_breeds_of_imagenet_are_pets_and_their_neighbours_are_not(
    pet: int, other: int
) -> None:
    [even] = pet_log_odds(classes(**{f"c{pet}": 0.5, f"c{other}": 0.5}))
    assert even == pytest.approx(0)
    [surely] = pet_log_odds(classes(**{f"c{pet}": 1.0}))
    assert surely > 6


def test_log_odds_are_finite_where_int8_lost_all_probabilities() -> None:
    assert pet_log_odds(classes()) == pytest.approx([0])
    assert np.isfinite(pet_log_odds(classes(c0=1.0)))


def test_features_are_compared_at_length_one() -> None:
    scorer = PetScorer(RULE)
    near, far = scorer.distances(np.array([[0.3, 0.4, 0], [30, 40, 0]], np.float32))
    assert near == pytest.approx(far, abs=1e-3)
    assert at_length_one(np.zeros((1, 3), np.float32)) == pytest.approx(np.zeros((1, 3)))


def test_distances_are_mahalanobis_by_the_covariance_that_the_rule_stands_for() -> None:
    features = np.random.default_rng(1).normal(size=(20, 3)).astype(np.float32)
    inverse = np.linalg.inv(np.diag([0.25, 0.25, 4.0]))
    centred = at_length_one(features) - np.array(RULE.mean)
    expected = np.sqrt(np.einsum("ni,ij,nj->n", centred, inverse, centred))
    assert PetScorer(RULE).distances(features) == pytest.approx(expected)


def test_the_farther_away_and_the_less_of_imagenets_pets_the_lower_is_the_score() -> None:
    scorer = PetScorer(RULE)
    assert scorer.scores(np.array([1.0]), np.array([1.0])) > scorer.scores(np.array([1.0]), np.array([2.0]))
    assert scorer.scores(np.array([1.0]), np.array([1.0])) > scorer.scores(np.array([0.0]), np.array([1.0]))


def test_a_version_with_a_rule_answers_unknown_and_gives_the_same_probabilities(tmp_path: Path) -> None:
    without = Predictor.load(publish_tiny_version(tmp_path, "without"), threads=1)
    predictor = Predictor.load(publish_tiny_version(tmp_path, unknown=GREEN_IS_UNKNOWN), threads=1)
    images = [plain(255, 0, 0), plain(0, 255, 0), plain(0, 0, 255)]
    assert predictor.answer(images).labels == ("cat", "unknown", "dog")
    assert np.array_equal(predictor.answer(images).probabilities, without.predict(images))


def test_a_version_without_a_rule_never_answers_unknown(tmp_path: Path) -> None:
    directory = publish_tiny_version(tmp_path)
    fields = msgspec.json.decode((directory / MODEL_FILE).read_bytes())
    del fields["unknown"]  # as they were written before there was such a rule
    for name in ("unknown", "calibration"):
        del fields["metrics"][name]
    (directory / MODEL_FILE).write_bytes(msgspec.json.encode(fields))
    write_manifest(directory)
    assert read_metadata(directory).unknown is None
    answers = Predictor.load(directory, threads=1).answer([plain(0, 255, 0), plain(255, 0, 0)])
    assert answers.labels == ("cat", "cat")


def test_an_answer_does_not_depend_on_the_batch(tmp_path: Path) -> None:
    predictor = Predictor.load(publish_tiny_version(tmp_path, unknown=GREEN_IS_UNKNOWN), threads=1)
    images = [plain(250 - 10 * n, 10 * n, 0) for n in range(25)]
    together = predictor.answer(images).labels
    assert together == tuple(predictor.answer([image]).labels[0] for image in images)
    assert set(together) == {"cat", "unknown"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"mean": (1.0, 0.0)}, r"the directions of `unknown` are \(1, 3\) for 1 variances and 2 features"),
        ({"mean": (1.0, 0.0), "directions": ((0.0, 1.0),)}, "a rule for `unknown` on 2 features"),
        ({"variances": (0.0,)}, "not positive"),
        ({"distance": Scale(1.0, 0.0)}, "not positive"),
        ({"directions": ((0.0, 1.0, 0.0), (1.0,))}, "version 1"),
    ],
)
def test_a_rule_whose_numbers_do_not_fit_is_a_damaged_version(
    tmp_path: Path, change: dict[str, Any], says: str
) -> None:
    rule = msgspec.structs.replace(GREEN_IS_UNKNOWN, **change)
    with pytest.raises(VersionDamagedError, match=says):
        Predictor.load(publish_tiny_version(tmp_path, unknown=rule), threads=1)
