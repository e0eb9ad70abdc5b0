"""Fits the rule by which a version answers `unknown`: on pets alone, as nobody has pictures of all else.

What stands in for pictures that the rule has not seen are training photos, each scored by a rule that was
fitted on the other folds. The threshold is split conformal prediction's (Vovk et al. 2005): of n scores the
⌊(n + 1) / 100⌋-th from below, so that of pets like these at most one in a hundred is expected below it.
"""

from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from catdog_common.artifact import Scale, UnknownRule
from catdog_common.unknown import PetScorer, at_length_one
from catdog_trainer.features import Features

UNKNOWN_SHARE = 0.01  # of pets
# With fewer validation photos the hundredth would rest on less than five of them: training photos help out.
ENOUGH_VALIDATION = 500
# With fewer scores than that in all (99) there is no hundredth: the lowest, or where it is lower, what a
# normal distribution has only one in 741 below.
_DEVIATIONS_BELOW = 3.0

# Trained on 1,600 photos, 16 do a little worse on cut-out animals and things, 64 and 128 no better than 32 on
# any of them; trained on 80 all do the same. 32 are 0.4 MB of JSON.
_DIRECTIONS = 32
_PHOTOS_A_DIRECTION = 4  # at least: with fewer, directions fit photos, not pets
_FOLDS = 5
_LEAST_VARIANCE = 1e-9  # of features at length one, where photos are all alike
_LEAST_LOG_ODDS_DEVIATION = 0.5  # half the step from no probability at all to the least that int8 can give
_LEAST_DISTANCE_DEVIATION = 1e-3
_ROUNDING = 1e-6  # by which a score may differ from batch to batch
_DECIMALS = 6


class _Gaussian(NamedTuple):
    mean: NDArray[np.float64]  # [F]
    directions: NDArray[np.float64]  # [k, F]
    variances: NDArray[np.float64]  # [k]
    other_variance: float


def fit_unknown(training: Features, validation: Features) -> UnknownRule | None:
    """Return the rule, or None where the trunk says nothing of ImageNet's classes."""
    if training.log_odds is None or validation.log_odds is None:
        return None
    left_out = _distances_left_out(training.matrix)
    log_odds = Scale(
        float(training.log_odds.mean()), max(float(training.log_odds.std()), _LEAST_LOG_ODDS_DEVIATION)
    )
    distance = Scale(float(left_out.mean()), max(float(left_out.std()), _LEAST_DISTANCE_DEVIATION))
    rule = _rule(_fit(training.matrix), log_odds, distance)
    scorer = PetScorer(rule)
    scores = scorer.scores(validation.log_odds, scorer.distances(validation.matrix))
    of_training = 0
    if len(scores) < ENOUGH_VALIDATION:
        scores = np.concatenate([scores, scorer.scores(training.log_odds, left_out)])
        of_training = len(left_out)
    return msgspec.structs.replace(
        rule, threshold=threshold(scores) - _ROUNDING, measured_on=len(scores), of_training=of_training
    )


def threshold(scores: NDArray[np.float64]) -> float:
    """Return the score below which one in a hundred pets is expected, from some pets' scores [n]."""
    rank = int(UNKNOWN_SHARE * (len(scores) + 1) + 1e-9)
    if rank:
        return float(np.sort(scores)[rank - 1])
    return float(min(scores.min(), scores.mean() - _DEVIATIONS_BELOW * scores.std()))


def _distances_left_out(matrix: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return each row's distance by a Gaussian of the other folds; by their digests, rows are mixed."""
    distances = np.empty(len(matrix), np.float64)
    none = Scale(0.0, 1.0)
    for fold in range(_FOLDS):
        inside = np.arange(len(matrix)) % _FOLDS == fold
        scorer = PetScorer(_rule(_fit(matrix[~inside]), none, none))
        distances[inside] = scorer.distances(matrix[inside])
    return distances


def _fit(matrix: NDArray[np.float32]) -> _Gaussian:
    """Return the maximum-likelihood Gaussian of few directions: principal components, and the mean rest."""
    rows = at_length_one(matrix)
    mean = rows.mean(axis=0)
    centred = rows - mean
    photos, width = centred.shape
    count = max(1, min(_DIRECTIONS, photos // _PHOTOS_A_DIRECTION, width - 1))
    variances, directions = _principal(centred, count)
    total = float((centred**2).sum() / photos)
    rest = max((total - float(variances.sum())) / (width - count), _LEAST_VARIANCE)
    return _Gaussian(mean, directions, np.maximum(variances, rest), rest)


def _principal(centred: NDArray[np.float64], count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the largest variances [k] of rows [n, F], and their directions [k, F], of length one."""
    photos, width = centred.shape
    if photos >= width:
        values, vectors = np.linalg.eigh(centred.T @ centred / photos)
        directions = vectors[:, ::-1][:, :count].T
    else:  # the same by the smaller matrix
        values, vectors = np.linalg.eigh(centred @ centred.T / photos)
        directions = at_length_one((centred.T @ vectors[:, ::-1][:, :count]).T)
    return np.maximum(values[::-1][:count], 0), np.asarray(directions, np.float64)


def _rule(gaussian: _Gaussian, log_odds: Scale, distance: Scale) -> UnknownRule:
    """Return the rule as it will be written, with no threshold yet."""
    return UnknownRule(
        threshold=0.0,
        log_odds=log_odds,
        distance=distance,
        mean=_rounded(gaussian.mean),
        directions=tuple(map(_rounded, gaussian.directions)),
        variances=tuple(map(float, gaussian.variances)),
        other_variance=gaussian.other_variance,
        measured_on=0,
    )


def _rounded(row: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(round(float(value), _DECIMALS) for value in row)
