"""Says in the log what a person should know of the photos before trusting what was learnt from them."""

from collections.abc import Sequence

import structlog

from catdog_trainer.balance import class_weights, imbalance
from catdog_trainer.data import Dataset

NOTABLE_IMBALANCE = 1.5  # three photos of one label to two of the other

_NAMED = 100  # files, on one line of the log

_logger = structlog.get_logger(__name__)


def log_review(dataset: Dataset) -> None:
    """Log what was left out of the dataset, and whether one label has many more training photos."""
    if dataset.unreadable:
        _log_files("warning", "files that are no photos", dataset.unreadable)
    if dataset.contradictory:
        _log_files("warning", "the same photos under both labels", dataset.contradictory)
    if dataset.copies:
        _log_files("info", "copies of other photos", dataset.copies)
    if dataset.near_copies:
        _log_files("info", "validation photos nearly equal to training photos", dataset.near_copies)
    training = dataset.counts()["training"]
    if min(training.values()) and imbalance(training) > NOTABLE_IMBALANCE:
        weights = {label: round(weight, 3) for label, weight in class_weights(training).items()}
        _logger.warning("labels are unequal, and weighted", training_photos=training, weights=weights)


def _log_files(level: str, event: str, names: Sequence[str]) -> None:
    getattr(_logger, level)(event, count=len(names), names=names[:_NAMED])
