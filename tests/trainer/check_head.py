"""Checks that the head's steps are Keras's own, for the trainer's image: TensorFlow is there, pytest is not.

    python3 -m unittest -v tests.trainer.check_head

as `check_training` is run. It takes some ten seconds on two processors.
"""

import unittest

import numpy as np
from numpy.typing import NDArray

from catdog_common.artifact import LABELS, TrainingSettings
from catdog_trainer.data import Photo
from catdog_trainer.features import Features
from catdog_trainer.rows import Rows
from catdog_trainer.train import Epoch, train_head


class StepsOfTheHead(unittest.TestCase):
    """Seventy photos of noise, two cats to a dog, in batches of 32, the last of six; Keras does the same."""

    def test_they_are_those_of_keras(self) -> None:
        """Loss by loss, and to the last weight, after an epoch of batches in the same order."""
        training, validation = _noise(1, 70), _noise(2, 30)
        settings = TrainingSettings("efficientnet-lite0", 224, 1, 32, 0.05, 42)
        self._compare(training, validation, settings, np.random.default_rng(42).permutation(70))

    def test_momentum_and_weight_decay_are_those_of_keras(self) -> None:
        """Which tell after a hundred epochs of one batch."""
        training, validation = _noise(1, 70), _noise(2, 30)
        settings = TrainingSettings("efficientnet-lite0", 224, 100, 70, 0.05, 42)
        self._compare(training, validation, settings, np.arange(70))

    def _compare(
        self, training: Features, validation: Features, settings: TrainingSettings, order: NDArray[np.int64]
    ) -> None:
        history: list[Epoch] = []
        head = train_head(training, validation, settings, history.append)
        weights, bias, logs = _trained_by_keras(training, validation, settings, order)
        np.testing.assert_allclose(head.weights, weights, rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(head.bias, bias, rtol=1e-3, atol=1e-5)
        for name, values in logs.items():
            np.testing.assert_allclose([getattr(each, name) for each in history], values, rtol=1e-4)
        assert max(abs(np.array(head.weights))[:, 0]) > 0.01


def _trained_by_keras(
    training: Features, validation: Features, settings: TrainingSettings, order: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.float32], dict[str, list[float]]]:
    """Return weights and bias for features as they come, and what Keras says of each epoch."""
    import keras

    learnt, judged = training.matrix[:], validation.matrix[:]
    mean, deviation = learnt.mean(axis=0), np.sqrt(learnt.var(axis=0).mean())
    width = learnt.shape[1]
    layer = keras.layers.Dense(2, activation="softmax", kernel_initializer="zeros")
    head = keras.Sequential([keras.layers.Input((width,)), layer])
    optimizer = keras.optimizers.SGD(settings.learning_rate, momentum=0.9, nesterov=True, weight_decay=0.1)
    optimizer.exclude_from_weight_decay(var_list=[layer.bias])
    head.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    columns = [np.array([LABELS.index(p.label) for p in each.photos]) for each in (training, validation)]
    counts = np.bincount(columns[0])
    history = head.fit(
        ((learnt - mean) / deviation)[order],
        columns[0][order],
        validation_data=((judged - mean) / deviation, columns[1]),
        batch_size=settings.batch_size,
        epochs=settings.epochs,
        class_weight={column: len(columns[0]) / (2 * count) for column, count in enumerate(counts)},
        shuffle=False,
        verbose=0,
    ).history
    weights, bias = layer.get_weights()
    return weights / deviation, bias - mean @ (weights / deviation), history


def _noise(seed: int, count: int) -> Features:
    """Return photos of which each third is a dog, by features that say nothing of it."""
    matrix = np.random.default_rng(seed).normal(5, 3, size=(count, 30)).astype(np.float32)
    labels = ["dog" if number % 3 == 0 else "cat" for number in range(count)]
    photos = tuple(Photo(f"{n}", label, "training", "", bytes) for n, label in enumerate(labels))
    return Features(photos, Rows.of(matrix), np.zeros((count, 4), np.uint64))
