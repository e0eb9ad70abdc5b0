"""Measures what int8 costs against float32, and decides by that which of the two is to serve.

int8 is 2.5 to 3 times as fast, and mostly costs nothing: it serves unless it gets significantly more photos
wrong, by McNemar's exact test, one-sided, on those that just one of the two gets right.
https://en.wikipedia.org/wiki/McNemar%27s_test
"""

from math import comb

import numpy as np
from numpy.typing import NDArray

from catdog_common.artifact import LABELS, Int8Cost, TrainingSettings
from catdog_trainer.features import Features
from catdog_trainer.train import head_logits, train_head

TRAINING_PHOTOS = 200  # that teach the heads; as many of each label, where there are
VALIDATION_PHOTOS = 400  # at most, of which both answer each
LEVEL = 0.01  # of the test: seven photos to none tell


def to_compare(features: Features) -> Features:
    """Return the first photos of each split, so few that passing them through float32 takes seconds."""
    wanted = set[str]()
    for label in LABELS:
        of_label = [photo.digest for photo in features.of("training").photos if photo.label == label]
        wanted.update(of_label[: TRAINING_PHOTOS // len(LABELS)])
    wanted.update(photo.digest for photo in features.of("validation").photos[:VALIDATION_PHOTOS])
    return features.without(photo for photo in features.photos if photo.digest not in wanted)


def int8_cost(int8: Features, float32: Features, settings: TrainingSettings) -> Int8Cost:
    """Return how many validation photos are right by int8 and by float32, of which these are the features.

    By heads that are trained alike, each on the features of its own, of the same training photos.
    """
    by_int8, by_float32 = _rights(int8, settings), _rights(float32, settings)
    only_int8, only_float32 = int((by_int8 & ~by_float32).sum()), int((by_float32 & ~by_int8).sum())
    return Int8Cost(
        training_photos=len(int8.of("training").photos),
        photos=len(by_int8),
        correct=int(by_int8.sum()),
        float32_correct=int(by_float32.sum()),
        only_int8=only_int8,
        only_float32=only_float32,
        p_value=p_value(only_int8, only_float32),
        level=LEVEL,
    )


def p_value(only_int8: int, only_float32: int) -> float:
    """Return how likely float32 alone is right so often or oftener, if neither is better than the other."""
    apart = only_int8 + only_float32
    return sum(comb(apart, count) for count in range(only_float32, apart + 1)) / float(2**apart)


def _rights(features: Features, settings: TrainingSettings) -> NDArray[np.bool_]:
    """Return for each validation photo whether a head trained on the training photos is right."""
    validation = features.of("validation")
    head = train_head(features.of("training"), validation, settings, lambda _: None)
    columns = [LABELS.index(photo.label) for photo in validation.photos]
    return np.asarray(head_logits(head, validation.matrix).argmax(axis=1) == columns, np.bool_)
