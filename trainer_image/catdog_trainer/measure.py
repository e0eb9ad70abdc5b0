"""Measures a draft, and the champion beside it, with the worker's predictor: what serves is measured.

The trunk's part of that is known already, from the very trunk that serves. Lest the two ever differ, some
photos pass the whole way, as in a worker.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catdog_common.artifact import LABELS, TRUNK_FILE, UNKNOWN, ChampionComparison, Metrics, file_digest
from catdog_common.images import UnreadableImageError
from catdog_common.predictor import Answers, Predictor
from catdog_trainer.ahead import map_ahead
from catdog_trainer.champion import Champion
from catdog_trainer.data import Photo
from catdog_trainer.features import Features, extract_features
from catdog_trainer.rows import CHUNK

_SMALLEST_PROBABILITY = 1e-7  # about what float32 tells from zero beside one; bounds the log-loss

SPOT_CHECKS = 20  # photos at most
_TOLERANCE = 1e-3  # of a probability; on one kind of processor int8 gives the same to the bit
_FEATURE_TOLERANCE = 0.1  # of the features' standard deviation

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


class NotAsServedError(Exception):
    """Photos are answered by their features otherwise than by the files that are to serve."""


def count_predictions(photos: Sequence[Photo], champion: Champion | None, trunk_digest: str) -> int:
    """Return how many photos pass a trunk in measuring: some the draft's, and others a champion's own."""
    is_other = champion is not None and not champion.sees_as(trunk_digest)
    return min(SPOT_CHECKS, len(photos)) + (len(champion.comparable(photos)) if champion and is_other else 0)


def measure(
    draft: Path,
    validation: Features,
    champion: Champion | None,
    threads: int,
    on_prediction: Callable[[], None],
) -> Measurement:
    """Return what the files in `draft` reach on photos, and how the champion does on the same.

    What the trunk said of the photos is known, and the predictor goes on from there. So does the champion's,
    if it sees photos by the same trunk, and resized alike; else they pass it too.

    Raises:
        NotAsServedError: some photos, passed through the files as a worker does it, are answered otherwise.
        OSError: a photo can no longer be read.
    """
    predictor = Predictor.load(draft, threads)
    said = _answer(predictor, validation)
    _check_as_served(predictor, validation.photos, said, on_prediction)
    is_right: dict[str, bool] = {}
    if champion is not None and champion.sees_as(file_digest(draft / TRUNK_FILE)):
        is_right = _rights_by_features(champion, validation)
    elif champion is not None:
        is_right = _rights_by_photos(champion, validation.photos, threads, on_prediction)
    answers = tuple(
        Answer(photo, probabilities, label == UNKNOWN, is_right.get(photo.digest))
        for photo, probabilities, label in zip(validation.photos, *said, strict=True)
    )
    metrics = _metrics(answers, says_unknown=predictor.metadata.unknown is not None)
    return Measurement(metrics, _comparison(champion, answers) if champion else None, answers)


def check_features(features: Features, trunk: Path) -> None:
    """Pass some of the photos through the trunk again.

    Raises:
        NotAsServedError: what comes out are other features.
    """
    count = min(SPOT_CHECKS, len(features.photos))
    spread = np.linspace(0, len(features.photos) - 1, count).astype(int)
    photos = [features.photos[place] for place in spread]
    known = features.matrix[spread]
    anew = extract_features(photos, trunk, threads=1, on_photo=lambda: None)
    if anew.unreadable:
        raise OSError(f"{anew.unreadable[0].name} can no longer be read")
    if not np.allclose(anew.matrix[:], known, rtol=0, atol=_FEATURE_TOLERANCE * float(known.std())):
        raise NotAsServedError("what is known of photos is not what their trunk says of them")


def _answer(predictor: Predictor, features: Features) -> Answers:
    """Return what the predictor makes of features, some at a time."""
    parts: list[Answers] = []
    for start in range(0, len(features.photos), CHUNK):
        rows = slice(start, start + CHUNK)
        log_odds = None if features.log_odds is None else features.log_odds[rows]
        parts.append(predictor.answer_features(features.matrix[rows], log_odds))
    probabilities = np.concatenate([part.probabilities for part in parts])
    return Answers(probabilities, tuple(label for part in parts for label in part.labels))


def _check_as_served(
    predictor: Predictor, photos: Sequence[Photo], said: Answers, on_prediction: Callable[[], None]
) -> None:
    for place in _to_check(said.probabilities):
        photo = photos[place]
        (served,), (label,) = predictor.answer([decode_as_served(predictor, photo)])
        on_prediction()
        known = said.probabilities[place]
        if float(np.abs(served - known).max()) > _TOLERANCE or label != said.labels[place]:
            raise NotAsServedError(
                f"{photo.name}: the files that are to serve answer {label}, {served.tolist()}, and what is "
                f"known of the photo comes to {said.labels[place]}, {known.tolist()}"
            )


def _to_check(probabilities: NDArray[np.float32]) -> Sequence[int]:
    """Return the rows of answers that are the least sure, where a difference tells, and as many others."""
    by_sureness = np.argsort(probabilities.max(axis=1), kind="stable")
    least, others = by_sureness[: SPOT_CHECKS // 2], by_sureness[SPOT_CHECKS // 2 :]
    spread = np.linspace(0, len(others) - 1, min(len(others), SPOT_CHECKS // 2)).astype(int)
    return [*least.tolist(), *others[spread].tolist()]


def decode_as_served(predictor: Predictor, photo: Photo) -> NDArray[np.uint8]:
    """Return a photo that was readable before, as the version sees it.

    Raises:
        OSError: it is readable no more.
    """
    try:
        return predictor.decode(photo.read())
    except UnreadableImageError as error:
        raise OSError(f"{photo.name} can no longer be read") from error


def _rights_by_photos(
    champion: Champion, photos: Sequence[Photo], threads: int, on_prediction: Callable[[], None]
) -> dict[str, bool]:
    """Return whether the champion is right, by the digests of the photos that it may be asked about."""
    predictor, photos = champion.predictor, champion.comparable(photos)
    rights: dict[str, bool] = {}
    with ThreadPoolExecutor(threads) as pool:
        images = map_ahead(pool, lambda photo: decode_as_served(predictor, photo), photos, threads)
        for photo, image in zip(photos, images, strict=True):
            (probabilities,) = predictor.predict([image])
            rights[photo.digest] = _is_right(predictor, probabilities, photo)
            on_prediction()
    return rights


def _rights_by_features(champion: Champion, validation: Features) -> dict[str, bool]:
    """Return the same, where the champion sees photos as the features do."""
    said = _answer(champion.predictor, validation)
    return {
        photo.digest: _is_right(champion.predictor, probabilities, photo)
        for photo, probabilities in zip(validation.photos, said.probabilities, strict=True)
        if photo.digest not in champion.learnt
    }


def _is_right(predictor: Predictor, probabilities: NDArray[np.float32], photo: Photo) -> bool:
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
