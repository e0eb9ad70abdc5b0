"""Tells pictures of pets from all others: by ImageNet's classes, and by the features of the pets learnt.

Two numbers say how much a picture is like the training's pets, each in its standard deviations on those:

- the log-odds of ImageNet's classes of cats and dogs against all its other classes;
- the distance from the training's pets: Mahalanobis' (Lee et al. 2018, https://arxiv.org/abs/1807.03888), to
  one Gaussian of few directions and one variance for all others (Tipping and Bishop 1999, probabilistic
  principal components), on features brought to length one (as Sun et al. 2022 found that distances in them
  need, https://arxiv.org/abs/2204.06507).

The score is the one less the other; below a threshold, the answer is `unknown`.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from catdog_common.artifact import Scale, UnknownRule

# ImageNet's classes, in its usual order: 118 breeds of dog from Chihuahua to Mexican hairless (dingo, dhole
# and African hunting dog come after), and five cats from tabby to Egyptian.
_PET_CLASSES = np.r_[151:269, 281:286]

# Multiplied at a time: with more, OpenBLAS (GEMM_MULTITHREAD_THRESHOLD) wakes threads, which on processors
# that trunk and decoding keep busy costs 50 times what they save.
_ROWS = 4

_HALF_STEP = 0.5 / 256  # of the probabilities, which int8 gives in steps of 1/256: what looks like none


def pet_log_odds(class_probabilities: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the log-odds of cats and dogs against the rest, [n], of ImageNet's probabilities [n, 1000].

    In int8 small probabilities are lost, and the rows do not sum up to one.
    """
    pets = class_probabilities[:, _PET_CLASSES].sum(axis=1, dtype=np.float64)
    others = class_probabilities.sum(axis=1, dtype=np.float64) - pets
    return np.asarray(np.log((pets + _HALF_STEP) / (np.maximum(others, 0) + _HALF_STEP)), np.float64)


def at_length_one(features: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the features [n, F], each row at Euclidean length one (a row of zeros stays)."""
    wide = features.astype(np.float64)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    return np.asarray(wide / np.where(lengths == 0, 1.0, lengths), np.float64)


def mahalanobis(
    features: NDArray[np.float32],
    mean: NDArray[np.float64],
    directions: NDArray[np.float64],
    variances: NDArray[np.float64],
    other_variance: float,
) -> NDArray[np.float64]:
    """Return the distances [n] of features [n, F] from a Gaussian.

    Of mean [F], variances [k] along directions [k, F], and one variance along all others.
    """
    centred = at_length_one(features) - mean
    parts = [centred[row : row + _ROWS] @ directions.T for row in range(0, len(centred), _ROWS)]
    along = np.concatenate(parts) if parts else np.empty((0, len(directions)))
    lengths = np.einsum("nf,nf->n", centred, centred)
    squares = lengths / other_variance + along**2 @ (1 / variances - 1 / other_variance)
    return np.asarray(np.sqrt(np.maximum(squares, 0)), np.float64)


class PetScorer:
    """A version's rule, ready to score pictures."""

    def __init__(self, rule: UnknownRule) -> None:
        """Take the rule's numbers.

        Raises:
            ValueError: its numbers do not fit together.
        """
        self.rule = rule
        self._mean = _finite(rule.mean, 1)
        self._directions = _finite(rule.directions, 2)
        variances = _finite(rule.variances, 1)
        if self._directions.shape != (len(variances), len(self._mean)):
            shapes = f"{self._directions.shape} for {len(variances)} variances and {len(self._mean)} features"
            raise ValueError(f"the directions of `unknown` are {shapes}")
        scales = (*variances, rule.other_variance, rule.log_odds.deviation, rule.distance.deviation)
        if min(scales) <= 0:
            raise ValueError("a variance or deviation of `unknown` is not positive")
        self._variances = variances

    @property
    def width(self) -> int:
        """How many features it takes."""
        return len(self._mean)

    def distances(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the Mahalanobis distances [n] of features [n, F]."""
        return mahalanobis(features, self._mean, self._directions, self._variances, self.rule.other_variance)

    def scores(self, log_odds: NDArray[np.float64], distances: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the scores [n], of which pets have the higher ones."""
        return _standardised(log_odds, self.rule.log_odds) - _standardised(distances, self.rule.distance)

    def is_unknown(self, features: NDArray[np.float32], log_odds: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return for each picture, of features [n, F] and pets' log-odds [n], whether it shows no pet."""
        scores = self.scores(log_odds, self.distances(features))
        return np.asarray(scores < self.rule.threshold, np.bool_)


def _standardised(values: NDArray[np.float64], scale: Scale) -> NDArray[np.float64]:
    return np.asarray((values - scale.mean) / scale.deviation, np.float64)


def _finite(numbers: Any, dimensions: int) -> NDArray[np.float64]:  # noqa: ANN401  nested tuples
    array = np.asarray(numbers, np.float64)  # of ragged rows: ValueError
    if array.ndim != dimensions or not np.isfinite(array).all():
        raise ValueError(f"numbers of `unknown` have {array.ndim} dimensions, not {dimensions}, or no value")
    return array
