import numpy as np
import pytest
from numpy.typing import NDArray

from catdog_common.artifact import LABELS, Head
from catdog_trainer.calibrate import MIN_PHOTOS, calibrate, calibration_error, fit_temperature
from catdog_trainer.features import Features
from catdog_trainer.rows import Rows
from catdog_trainer.train import head_logits
from tests.unit.trainer.builders import photo

# The one feature is the logit of a dog.
LOGIT = Head(weights=((0.0, 1.0),), bias=(0.0, 0.0))


def pictures(logits: NDArray[np.float64], dogs: NDArray[np.bool_]) -> Features:
    photos = tuple(
        photo(n, LABELS[int(is_dog)], "validation", str(n).encode()) for n, is_dog in enumerate(dogs)
    )
    matrix = logits[:, np.newaxis].astype(np.float32)
    return Features(photos, Rows.of(matrix), np.zeros((len(logits), 4), np.uint64))


def drawn(count: int, temperature: float) -> Features:
    """Return pictures whose labels are as sure as the head's logits over the temperature say."""
    random = np.random.default_rng(3)
    logits = random.normal(0, 3, count)
    dogs = random.uniform(size=count) < 1 / (1 + np.exp(-logits / temperature))
    return pictures(logits, dogs)


@pytest.mark.parametrize("temperature", [0.7, 2.0, 3.0])
def test_the_temperature_of_an_over_or_underconfident_head_is_found(temperature: float) -> None:
    head, calibration = calibrate(LOGIT, drawn(4000, temperature))
    assert head.temperature == pytest.approx(temperature, rel=0.1)
    assert calibration is not None
    assert calibration.error_after < 0.5 * calibration.error_before
    assert calibration.log_loss_after < calibration.log_loss_before


def test_a_temperature_changes_no_weights() -> None:
    head, _ = calibrate(LOGIT, drawn(4000, 2.0))
    assert (head.weights, head.bias) == (LOGIT.weights, LOGIT.bias)


def test_on_fewer_photos_than_it_takes_the_temperature_stays() -> None:
    assert calibrate(LOGIT, drawn(MIN_PHOTOS - 1, 3.0)) == (LOGIT, None)
    assert calibrate(LOGIT, drawn(MIN_PHOTOS, 3.0))[1] is not None


def test_photos_told_apart_without_a_mistake_do_not_make_the_head_sure_of_all() -> None:
    dogs = np.arange(120) % 2 == 0
    labels = dogs.astype(np.int64)
    separated = head_logits(LOGIT, pictures(np.where(dogs, 4.0, -4.0), dogs).matrix)
    # Platt: one photo more of the other label, of 62 that n + 2 counts: log(61) / 4 = 1.03 times the logits.
    assert fit_temperature(separated, labels) == pytest.approx(4 / np.log(61), rel=0.02)


def test_the_log_loss_of_photos_that_a_temperature_was_not_fitted_on_never_gets_worse() -> None:
    for seed in range(10):
        random = np.random.default_rng(seed)
        dogs = random.uniform(size=MIN_PHOTOS) < 0.5
        head, calibration = calibrate(LOGIT, pictures(np.where(dogs, 6.0, -6.0), dogs))
        assert calibration is not None
        assert calibration.log_loss_after <= calibration.log_loss_before
        assert head.temperature == 1.0


def test_the_calibration_error_is_the_mean_gap_of_confidence_and_share_of_rights() -> None:
    probabilities = np.tile(np.array([[0.9, 0.1]], np.float32), (150, 1))
    labels = np.array(([0] * 6 + [1] * 4) * 15, np.int64)  # each bin of ten has six rights
    assert calibration_error(probabilities, labels) == pytest.approx(0.3, abs=1e-6)


def test_calibration_is_judged_in_bins_of_equally_many_photos() -> None:
    """Overconfident in one half and underconfident in the other: on the whole there would be no gap."""
    sure = np.tile(np.array([[0.95, 0.05]], np.float32), (150, 1))
    unsure = np.tile(np.array([[0.55, 0.45]], np.float32), (150, 1))
    labels = np.array(([0] * 7 + [1] * 3) * 15 + ([0] * 8 + [1] * 2) * 15, np.int64)
    assert calibration_error(np.concatenate([sure, unsure]), labels) == pytest.approx(0.25, abs=0.02)
