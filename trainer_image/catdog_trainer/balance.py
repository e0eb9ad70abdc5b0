"""Weighs labels, so that the one with more photos is not learnt at the cost of the other."""

from collections.abc import Mapping


def class_weights(counts: Mapping[str, int]) -> dict[str, float]:
    """Return for each label what a photo of it counts in training: `n / (labels × n of the label)`.

    As scikit-learn defines `class_weight="balanced"`: all labels together weigh the same, a photo one on
    average. A head that was trained so answers as if cats and dogs were equally frequent, whatever the
    training photos have. Its probabilities are then calibrated for a stream in which they are; where one
    of them is rare, what is said of it is said with too much confidence.
    """
    photos = sum(counts.values())
    return {label: photos / (len(counts) * count) for label, count in counts.items()}


def imbalance(counts: Mapping[str, int]) -> float:
    """Return how many times as many photos the most frequent label has as the rarest."""
    return max(counts.values()) / min(counts.values())
