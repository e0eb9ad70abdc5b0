"""Fits the head's temperature, so that of answers given at 90 % nine in ten are right (Guo et al. 2017).

https://arxiv.org/abs/1706.04599. It changes no answer, only how sure it is. Where the validation photos are
told apart without a mistake, plain log-loss wants a temperature of zero: as in Platt's scaling (1999), the
true label counts (n + 1) / (n + 2), n being its photos, in place of 1.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

from catdog_common.artifact import LABELS, Calibration, Head
from catdog_common.predictor import softmax
from catdog_trainer.features import Features
from catdog_trainer.train import head_logits

MIN_PHOTOS = 100  # of validation: on fewer, the temperature stays 1
BINS = 15
_FOLDS = 5
_TEMPERATURES = np.geomspace(0.5, 5.0, 232)  # each 1 % above the last
_SMALLEST_PROBABILITY = 1e-7  # as in `measure`

Probabilities = NDArray[np.float32]  # [n, labels]
Labels = NDArray[np.int64]  # [n], columns of the probabilities


def calibrate(head: Head, validation: Features) -> tuple[Head, Calibration | None]:
    """Return the head with a temperature fitted on validation photos, and what that changes.

    The temperature is fitted on all of them, and judged by five-fold cross-validation: where it makes the
    log-loss of photos that it was not fitted on no better, it stays 1.
    """
    if len(validation.photos) < MIN_PHOTOS:
        return head, None
    labels = np.array([LABELS.index(photo.label) for photo in validation.photos], np.int64)
    logits = head_logits(head, validation.matrix)
    before = softmax(logits, 1.0)
    after = np.empty_like(before)
    for fold in range(_FOLDS):
        inside = np.arange(len(labels)) % _FOLDS == fold
        fitted = fit_temperature(logits[~inside], labels[~inside])
        after[inside] = softmax(logits[inside], fitted)
    temperature = 1.0
    if log_loss(after, labels) < log_loss(before, labels):
        temperature = fit_temperature(logits, labels)
    else:
        after = before
    return msgspec.structs.replace(head, temperature=temperature), Calibration(
        photos=len(labels),
        error_before=calibration_error(before, labels),
        error_after=calibration_error(after, labels),
        log_loss_before=log_loss(before, labels),
        log_loss_after=log_loss(after, labels),
    )


def fit_temperature(logits: NDArray[np.float32], labels: Labels) -> float:
    """Return the temperature, from 0.5 to 5, of the least log-loss against Platt's targets.

    Of logits, [n, labels], and the columns of the true labels.
    """
    counts = np.bincount(labels, minlength=len(LABELS))
    true = ((counts + 1) / (counts + 2))[labels]
    targets = np.repeat(((1 - true) / (len(LABELS) - 1))[:, np.newaxis], len(LABELS), axis=1)
    targets[np.arange(len(labels)), labels] = true
    losses = [
        -float((targets * np.log(np.maximum(softmax(logits, t), 1e-30))).sum(axis=1).mean())
        for t in _TEMPERATURES
    ]
    return round(float(_TEMPERATURES[int(np.argmin(losses))]), 3)


def calibration_error(probabilities: Probabilities, labels: Labels) -> float:
    """Return the expected calibration error: the mean gap of confidence and share of rights.

    Over 15 bins of equally many photos (Nixon et al. 2019, https://arxiv.org/abs/1904.01685): in bins of
    equal width nearly all photos would lie in the last.
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    is_right = probabilities.argmax(axis=1) == labels
    bins = np.array_split(np.argsort(confidence, kind="stable"), BINS)
    gaps = [len(rows) * abs(confidence[rows].mean() - is_right[rows].mean()) for rows in bins if len(rows)]
    return float(sum(gaps) / len(labels))


def log_loss(probabilities: Probabilities, labels: Labels) -> float:
    """Return the mean log-loss in nats."""
    true = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.maximum(true, _SMALLEST_PROBABILITY)).mean())
