"""Trains the head, a softmax layer on the trunk's features, in Keras; the same seed gives the same head."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from catdog_common.artifact import LABELS, Head, TrainingSettings
from catdog_trainer.balance import class_weights
from catdog_trainer.features import Features

if TYPE_CHECKING:
    import keras

# Plain gradients with momentum, on features of one common scale, find heads of small norm, which judge
# unseen photos better than Adam's where there are few: trained on 80 photos, 97.4 % in place of 94.8 % of
# 940 others are right (Lite0), trained on 1,600 as many as Adam's. The weight decay keeps the validation
# log-loss from growing when a head is trained for long (0.043 in place of 0.049 after 160 epochs).
_MOMENTUM = 0.9
_WEIGHT_DECAY = 0.1


@dataclass(frozen=True)
class Epoch:
    """What one epoch ended with; losses are mean log-losses in nats, accuracies fractions.

    In `loss` each label weighs the same; in all others each photo.
    """

    epoch: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float


@dataclass(frozen=True)
class _Scaling:
    """Centres the features, and divides all by one number: their root mean variance on training photos."""

    mean: NDArray[np.float64]  # [F]
    deviation: float

    @classmethod
    def of(cls, matrix: NDArray[np.float32]) -> "_Scaling":
        deviation = float(np.sqrt(matrix.var(axis=0, dtype=np.float64).mean()))
        return cls(matrix.mean(axis=0, dtype=np.float64), deviation or 1.0)

    def apply(self, matrix: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray((matrix - self.mean) / self.deviation, dtype=np.float32)

    def fold(self, weights: NDArray[np.float32], bias: NDArray[np.float32]) -> Head:
        """Return the head that takes features as they come, and answers the same."""
        folded = weights.astype(np.float64) / self.deviation
        return Head(
            weights=tuple(tuple(float(value) for value in row) for row in folded),
            bias=tuple(float(value) for value in bias - self.mean @ folded),
        )


def train_head(
    training: Features,
    validation: Features,
    settings: TrainingSettings,
    on_epoch: Callable[[Epoch], None],
) -> Head:
    """Return the head after `settings.epochs` epochs; `on_epoch` is called at the end of each.

    With an `early_stopping_patience` it is the head of the epoch with the least validation log-loss, and the
    training stops where that has not become less for so many epochs.

    Training photos of the rarer label weigh more (`class_weights` says what that does to probabilities);
    validation photos weigh the same.
    """
    import keras  # noqa: PLC0415 - TensorFlow takes seconds

    _make_repeatable(settings.seed)
    scaling = _Scaling.of(training.matrix)
    head = _compiled_head(training.matrix.shape[1], settings.learning_rate)
    head.fit(
        scaling.apply(training.matrix),
        _targets(training),
        validation_data=(scaling.apply(validation.matrix), _targets(validation)),
        batch_size=settings.batch_size,
        epochs=settings.epochs,
        class_weight=_class_weight(training),
        callbacks=[
            keras.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs: on_epoch(_epoch(epoch + 1, logs))
            ),
            *_early_stopping(settings.early_stopping_patience),
        ],
        verbose=0,
    )
    weights, bias = head.layers[-1].get_weights()
    return scaling.fold(weights, bias)


def _early_stopping(patience: int | None) -> list["keras.callbacks.Callback"]:
    import keras  # noqa: PLC0415 - TensorFlow takes seconds

    if patience is None:
        return []
    return [keras.callbacks.EarlyStopping("val_loss", patience=patience, restore_best_weights=True)]


def _make_repeatable(seed: int) -> None:
    import keras  # noqa: PLC0415 - TensorFlow takes seconds
    import tensorflow as tf  # noqa: PLC0415 - as above

    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(seed)


def _compiled_head(width: int, learning_rate: float) -> "keras.Model":
    import keras  # noqa: PLC0415 - TensorFlow takes seconds

    softmax = keras.layers.Dense(len(LABELS), activation="softmax", kernel_initializer="zeros", name="head")
    head = keras.Sequential([keras.layers.Input((width,)), softmax])
    optimizer = keras.optimizers.SGD(
        learning_rate, momentum=_MOMENTUM, nesterov=True, weight_decay=_WEIGHT_DECAY
    )
    optimizer.exclude_from_weight_decay(var_list=[softmax.bias])
    head.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return head


def _class_weight(training: Features) -> dict[int, float]:
    photos = Counter(photo.label for photo in training.photos)
    weights = class_weights({label: photos[label] for label in LABELS})
    return {LABELS.index(label): weight for label, weight in weights.items()}


def _targets(features: Features) -> NDArray[np.int32]:
    return np.array([LABELS.index(photo.label) for photo in features.photos], dtype=np.int32)


def _epoch(number: int, logs: dict[str, Any]) -> Epoch:
    return Epoch(number, logs["loss"], logs["accuracy"], logs["val_loss"], logs["val_accuracy"])
