"""Measures a draft, and the champion beside it, with the worker's predictor: what serves is measured."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catdog_common.artifact import LABELS, UNKNOWN, ChampionComparison, Metrics
from catdog_common.predictor import Predictor
from catdog_trainer.ahead import map_ahead
from catdog_trainer.champion import Champion
from catdog_trainer.data import Photo
from catdog_trainer.features import decode_photo

_SMALLEST_PROBABILITY = 1e-7  # about what float32 tells from zero beside one; bounds the log-loss

NOT_MEASURED = Metrics(photos=0, correct=0, accuracy=0.0, log_loss=0.0, confusion={})


@dataclass(frozen=True)
class Measurement:
    """What a draft reached on all photos, and beside the champion on those that both may be asked about."""

    metrics: Metrics
    comparison: ChampionComparison | None
    answers: "tuple[Answer, ...]"  # on all photos, in their order


@dataclass(frozen=True)
class Answer:
    """What was said of one photo: by the draft, and by the champion where it was asked."""

    photo: Photo
    probabilities: NDArray[np.float32]  # [labels]
    is_unknown: bool
    champion_is_right: bool | None

    @property
    def label(self) -> str:
        """The more probable label, whether or not it was answered."""
        return LABELS[int(self.probabilities.argmax())]


def count_predictions(photos: Sequence[Photo], champion: Champion | None) -> int:
    """Return how many predictions measuring takes: the draft's of all photos, the champion's of some."""
    return len(photos) + (len(champion.comparable(photos)) if champion else 0)


def measure(
    draft: Path,
    photos: Sequence[Photo],
    champion: Champion | None,
    threads: int,
    on_prediction: Callable[[], None],
) -> Measurement:
    """Return what the files in `draft` reach on `photos`, and how the champion does on the same.

    Each photo is decoded once for both, where both take the same size.
    """
    predictor = Predictor.load(draft, threads)
    asked = {photo.digest for photo in champion.comparable(photos)} if champion else set()
    answers: list[Answer] = []

    def decode(photo: Photo) -> dict[int, NDArray[np.uint8]]:
        sizes = {predictor.image_size}
        if champion is not None and photo.digest in asked:
            sizes.add(champion.predictor.image_size)
        return {size: _decode_again(photo, size) for size in sizes}

    with ThreadPoolExecutor(threads) as pool:
        for photo, images in zip(photos, map_ahead(pool, decode, photos, threads), strict=True):
            said = predictor.answer([images[predictor.image_size]])
            on_prediction()
            champion_is_right = None
            if champion is not None and photo.digest in asked:
                champion_is_right = _is_right(champion.predictor, photo, images)
                on_prediction()
            is_unknown = said.labels[0] == UNKNOWN
            answers.append(Answer(photo, said.probabilities[0], is_unknown, champion_is_right))
    metrics = _metrics(answers, says_unknown=predictor.metadata.unknown is not None)
    return Measurement(metrics, _comparison(champion, answers) if champion else None, tuple(answers))


def _decode_again(photo: Photo, size: int) -> NDArray[np.uint8]:
    image = decode_photo(photo, size)
    if image is None:  # it was readable a minute ago
        raise OSError(f"{photo.name} can no longer be read")
    return image


def _is_right(predictor: Predictor, photo: Photo, images: dict[int, NDArray[np.uint8]]) -> bool:
    (probabilities,) = predictor.predict([images[predictor.image_size]])
    return predictor.metadata.labels[int(probabilities.argmax())] == photo.label


def _metrics(answers: Sequence[Answer], *, says_unknown: bool) -> Metrics:
    confusion = {label: dict.fromkeys(LABELS, 0) for label in LABELS}
    losses: list[float] = []
    for answer in answers:
        confusion[answer.photo.label][answer.label] += 1
        true = float(answer.probabilities[LABELS.index(answer.photo.label)])
        losses.append(-np.log(max(true, _SMALLEST_PROBABILITY)))
    correct = sum(confusion[label][label] for label in LABELS)
    return Metrics(
        photos=len(answers),
        correct=correct,
        accuracy=correct / len(answers),
        log_loss=float(np.mean(losses)),
        confusion=confusion,
        unknown=sum(answer.is_unknown for answer in answers) if says_unknown else None,
    )


def _comparison(champion: Champion, answers: Sequence[Answer]) -> ChampionComparison:
    both = [answer for answer in answers if answer.champion_is_right is not None]
    return ChampionComparison(
        champion=champion.version,
        photos=len(both),
        correct=sum(answer.label == answer.photo.label for answer in both),
        champion_correct=sum(answer.champion_is_right is True for answer in both),
    )
