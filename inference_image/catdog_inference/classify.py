"""Turns the values of records into verdicts: what is on the picture, or why it is none."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor
from itertools import chain

import msgspec
import numpy as np
from numpy.typing import NDArray

from catdog_common.images import UnreadableImageError
from catdog_common.kafka_batches import Folded
from catdog_common.predictor import Predictor
from catdog_inference.health import Health
from catdog_inference.metrics import Metrics


class Prediction(msgspec.Struct, frozen=True):
    """What the model says: the label, and the probability of each that was learnt."""

    label: str  # one of these, or `unknown`
    probabilities: dict[str, float]


class Rejection(msgspec.Struct, frozen=True):
    """Why a record will never be answered."""

    reason: str  # CamelCase
    message: str


Verdict = Prediction | Rejection
Decoded = NDArray[np.uint8] | Rejection


class Classifier:
    """Decodes and predicts in threads, beside the event loop: a few at a time, as each way there costs."""

    def __init__(
        self,
        predictor: Predictor,
        *,
        max_image_bytes: int,
        computing: Executor,
        metrics: Metrics,
        health: Health,
    ) -> None:
        self._predictor = predictor
        self._max_image_bytes = max_image_bytes
        self._computing = computing
        self._metrics = metrics
        self._health = health

    async def decode(self, values: Sequence[bytes | None]) -> list[Decoded]:
        """Return the picture in each value, or why there is none; one thread does all of them."""
        loop = asyncio.get_running_loop()
        with self._health.working(), self._metrics.stage("decode"):
            return await loop.run_in_executor(self._computing, self._decode_all, values)

    async def predict(self, decoded: Sequence[Decoded]) -> list[Verdict]:
        """Return a verdict for each, in their order; each copy of the network has a part."""
        images = [each for each in decoded if not isinstance(each, Rejection)]
        loop, size = asyncio.get_running_loop(), -(-len(images) // self._predictor.trunk.copies)
        parts = [images[start : start + size] for start in range(0, len(images), size or 1)]
        with self._health.working(), self._metrics.stage("predict"):
            predicted = await asyncio.gather(
                *(loop.run_in_executor(self._computing, self._predict_all, part) for part in parts)
            )
        predictions = chain.from_iterable(predicted)
        return [each if isinstance(each, Rejection) else next(predictions) for each in decoded]

    def _decode_all(self, values: Sequence[bytes | None]) -> list[Decoded]:
        return [self._decode(value) for value in values]

    def _predict_all(self, images: Sequence[NDArray[np.uint8]]) -> list[Prediction]:
        answers = self._predictor.answer(images)
        return list(map(self._prediction, answers.labels, answers.probabilities))

    def _decode(self, value: bytes | None) -> Decoded:
        if value is None:
            return Rejection("NoValue", "the record has no value (a tombstone), so there is no image in it")
        if isinstance(value, Folded):
            return Rejection("TooManyBytes", value.why)
        if len(value) > self._max_image_bytes:
            message = f"{len(value)} bytes are more than the {self._max_image_bytes} of maxImageBytes"
            return Rejection("TooManyBytes", message)
        try:
            return self._predictor.decode(value)
        except UnreadableImageError as error:
            return Rejection(error.reason, str(error))

    def _prediction(self, label: str, row: NDArray[np.float32]) -> Prediction:
        labels = self._predictor.metadata.labels
        return Prediction(label, dict(zip(labels, map(float, row), strict=True)))
