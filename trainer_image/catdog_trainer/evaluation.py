"""What the pictures of an evaluation show, computed from probabilities and labels."""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

_BINS = 10  # from an even guess to certainty: of two labels the likelier has at least 0.5
_NORMAL_95 = 1.959964  # within so many standard deviations lie 95 % of a normal distribution


@dataclass(frozen=True)
class Roc:
    """The receiver operating characteristic: what each threshold finds, and what it wrongly takes for it."""

    false_positive_rate: NDArray[np.float64]  # [points], ascending from 0 to 1
    true_positive_rate: NDArray[np.float64]  # [points], likewise

    @property
    def auc(self) -> float:
        """The area under the curve: how often a positive has a higher score than a negative, ties by half."""
        return float(np.trapezoid(self.true_positive_rate, self.false_positive_rate))


@dataclass(frozen=True)
class CalibrationBin:
    """Answers of about the same confidence: how sure they are, and how often they are right."""

    lower: float
    upper: float
    photos: int
    confidence: float  # mean
    right: int  # photos

    @property
    def accuracy(self) -> float:
        """The share that is right."""
        return self.right / self.photos


def wilson_interval(correct: int, photos: int) -> tuple[float, float]:
    """Return the fractions between which 95 in 100 such measurements have the true accuracy.

    E. B. Wilson's score interval (1927), which unlike the normal approximation holds for few photos and
    near 100 %. https://en.wikipedia.org/wiki/Binomial_proportion_confidence_interval
    """
    if photos == 0:
        return 0.0, 1.0
    share, square = correct / photos, _NORMAL_95**2 / photos
    middle = (share + square / 2) / (1 + square)
    half = math.sqrt(square * share * (1 - share) + square**2 / 4) / (1 + square)
    return max(0.0, middle - half), min(1.0, middle + half)


def roc_curve(scores: NDArray[np.float32], positive: NDArray[np.bool_]) -> Roc:
    """Return the curve of `scores` [n], of which those of `positive` [n] should be the higher ones.

    There have to be positives and negatives. Equal scores share one point, so their order does not matter.
    """
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], positive[order]
    last_of_equals = np.append(ranked[1:] != ranked[:-1], True)
    true = np.cumsum(hits)[last_of_equals]
    false = np.cumsum(~hits)[last_of_equals]
    return Roc(np.append(0.0, false / false[-1]), np.append(0.0, true / true[-1]))


def calibration_bins(confidence: NDArray[np.float32], right: NDArray[np.bool_]) -> tuple[CalibrationBin, ...]:
    """Return ten bins of equal width over confidences from 0.5 to 1, without those that are empty.

    `confidence` [n] is the probability of the likelier label, `right` [n] whether that is the true one. A
    bin takes its lower end and not its upper one, but for the last.
    """
    edges = np.linspace(0.5, 1.0, _BINS + 1)
    numbers = np.clip(np.searchsorted(edges, confidence, side="right") - 1, 0, _BINS - 1)
    bins = []
    for number, (lower, upper) in enumerate(pairwise(edges.tolist())):
        within = numbers == number
        if photos := int(within.sum()):
            sure = float(confidence[within].mean(dtype=np.float64))
            bins.append(CalibrationBin(lower, upper, photos, sure, int(right[within].sum())))
    return tuple(bins)
