"""Fits the rule by which a version answers `unknown`: on pets alone, as nobody has pictures of all else.

What stands in for pictures that the rule has not seen are training photos, each scored by a rule that was
fitted on the other folds. The threshold is split conformal prediction's (Vovk et al. 2005): of n scores the
⌊(n + 1) / 100⌋-th from below, so that of pets like these at most one in a hundred is expected below it.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from catdog_common.artifact import Scale, UnknownRule
from catdog_common.unknown import PetScorer, mahalanobis
from catdog_trainer.features import Features
from catdog_trainer.principal import principal_directions
from catdog_trainer.rows import Rows

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
# Measured: distances are then exact to 1e-5 of themselves.
_TOLERANCE_FOR_DISTANCES = 1e-4
_LEAST_LENGTH = 1e-30  # of features: a row of zeros stays
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


class _Moments(NamedTuple):
    """What a Gaussian is fitted by: of some photos, the sums of their features at length one."""

    photos: int
    sums: NDArray[np.float64]  # [F]
    products: NDArray[np.float64]  # [F, F]

    @classmethod
    def of(cls, matrix: Rows) -> "_Moments":
        width = matrix.shape[1]
        sums, products = np.zeros(width), np.zeros((width, width))
        for chunk in matrix.chunks():
            lengths = np.sqrt(np.einsum("nf,nf->n", chunk, chunk))
            rows = chunk / np.maximum(lengths, _LEAST_LENGTH)[:, np.newaxis]
            sums += np.ones(len(rows), np.float32) @ rows
            products += rows.T @ rows  # in float32 half the work; what is summed up is in float64
        return cls(len(matrix), sums, products)

    @classmethod
    def joined(cls, parts: "Sequence[_Moments]") -> "_Moments":
        return cls(
            sum(part.photos for part in parts),
            np.sum([part.sums for part in parts], axis=0),
            np.sum([part.products for part in parts], axis=0),
        )

    def less(self, others: "_Moments") -> "_Moments":
        """Return those of the photos that are not among `others`, which are a part of these."""
        return _Moments(self.photos - others.photos, self.sums - others.sums, self.products - others.products)

    def gaussian(self, near: _Gaussian | None = None) -> _Gaussian:
        """Return the likeliest Gaussian of few directions: principal components, and the mean of the rest.

        Beginning with the directions of one that is near, and for distances alone, it takes half the time.
        """
        mean = self.sums / self.photos
        covariance = self.products / self.photos
        covariance -= np.outer(mean, mean)
        width = len(mean)
        count = max(1, min(_DIRECTIONS, self.photos // _PHOTOS_A_DIRECTION, width - 1))
        variances, directions = (
            principal_directions(covariance, count)
            if near is None
            else principal_directions(covariance, count, near.directions, _TOLERANCE_FOR_DISTANCES)
        )
        rest = max((float(np.trace(covariance)) - float(variances.sum())) / (width - count), _LEAST_VARIANCE)
        return _Gaussian(mean, directions, np.maximum(variances, rest), rest)


def fit_unknown(training: Features, validation: Features) -> UnknownRule | None:
    """Return the rule, or None where the trunk says nothing of ImageNet's classes."""
    if training.log_odds is None or validation.log_odds is None:
        return None
    folds = [_Moments.of(training.matrix.only(slice(fold, None, _FOLDS))) for fold in range(_FOLDS)]
    everything = _Moments.joined(folds)
    gaussian = everything.gaussian()
    left_out = _distances_left_out(training.matrix, folds, everything, gaussian)
    log_odds = Scale(
        float(training.log_odds.mean()), max(float(training.log_odds.std()), _LEAST_LOG_ODDS_DEVIATION)
    )
    distance = Scale(float(left_out.mean()), max(float(left_out.std()), _LEAST_DISTANCE_DEVIATION))
    rule = _rule(gaussian, log_odds, distance)
    scorer = PetScorer(rule)
    scores = scorer.scores(validation.log_odds, _by_chunk(scorer.distances, validation.matrix))
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


def _distances_left_out(
    matrix: Rows, folds: Sequence[_Moments], everything: _Moments, of_everything: _Gaussian
) -> NDArray[np.float64]:
    """Return each row's distance by a Gaussian of the other folds; by their digests, rows are mixed."""
    distances = np.empty(len(matrix), np.float64)
    for fold, moments in enumerate(folds):
        gaussian = everything.less(moments).gaussian(of_everything)
        left_out = matrix.only(slice(fold, None, _FOLDS))
        distances[fold::_FOLDS] = _by_chunk(partial(_distances, gaussian), left_out)
    return distances


def _distances(gaussian: _Gaussian, rows: NDArray[np.float32]) -> NDArray[np.float64]:
    return mahalanobis(rows, *gaussian)


def _by_chunk(
    distances: Callable[[NDArray[np.float32]], NDArray[np.float64]], matrix: Rows
) -> NDArray[np.float64]:
    return np.concatenate([distances(chunk) for chunk in matrix.chunks()] or [np.empty(0)])


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
    return tuple(np.round(row, _DECIMALS).tolist())
