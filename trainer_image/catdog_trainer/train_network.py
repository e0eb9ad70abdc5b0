"""Trains a whole network on the photos themselves, in Keras; the same seed gives the same network."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from catdog_common.artifact import LABELS, Head, TrainingSettings
from catdog_trainer.architectures import Architecture
from catdog_trainer.balance import class_weights
from catdog_trainer.checkpoint import Checkpoints
from catdog_trainer.data import Dataset
from catdog_trainer.train import Epoch

if TYPE_CHECKING:
    import keras

# Of fine-tuning, measured on Lite0 in Keras, trained on 1,623 photos of Kaggle's, tried on 940 of Oxford,
# of which the head alone gets 928 right: at this rate 926, with as many pets and as many others unknown;
# at 1e-4 919, and pictures without a pet pass for pets more often (81 in place of 86 % unknown).
TUNING_EPOCHS = 3
_TUNING_BATCH = 32
_TUNING_RATE = 2e-5


def train_from_scratch(
    architecture: Architecture,
    dataset: Dataset,
    settings: TrainingSettings,
    work_dir: Path,
    threads: int,
    on_epoch: Callable[[Epoch], None],
) -> "tuple[keras.Model, Head]":
    """Return a network with weights learnt from `dataset`, up to its features, and the head on these.

    See `fit` for epochs, and for how it goes on where it was interrupted.
    """
    import keras  # noqa: PLC0415 - TensorFlow takes seconds

    _make_repeatable(settings.seed)
    trunk = architecture.build(settings.image_size)
    network = with_head(trunk)
    network.compile(
        keras.optimizers.RMSprop(settings.learning_rate),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    fit(network, dataset, settings, work_dir, threads, on_epoch)
    return trunk, head_of(network)


def fine_tune(
    network: "keras.Model",
    head: Head,
    first_layer: str,
    dataset: Dataset,
    settings: TrainingSettings,
    work_dir: Path,
    threads: int,
    on_epoch: Callable[[Epoch], None],
) -> None:
    """Train the layers of `network` from `first_layer` on, below a head that was trained on its features.

    Batch normalisation stays as it is: what it knows of millions of pictures is worth more than what some
    thousands would tell it. Few epochs at a low rate, with the settings' seed. See `fit` for how it goes on
    where it was interrupted.
    """
    import keras  # noqa: PLC0415 - TensorFlow takes seconds

    _make_repeatable(settings.seed)
    names = [layer.name for layer in network.layers]
    for number, layer in enumerate(network.layers):
        is_frozen = isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = number >= names.index(first_layer) and not is_frozen
    whole = with_head(network)
    whole.layers[-1].set_weights([np.asarray(head.weights, np.float32), np.asarray(head.bias, np.float32)])
    whole.compile(
        keras.optimizers.Adam(_TUNING_RATE), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    settings = msgspec.structs.replace(
        settings, epochs=TUNING_EPOCHS, batch_size=_TUNING_BATCH, early_stopping_patience=None
    )
    fit(whole, dataset, settings, work_dir, threads, on_epoch)


def with_head(trunk: "keras.Model") -> "keras.Model":
    """Return the network from pixels to labels: a softmax on the features of `trunk`, which it shares."""
    import keras  # noqa: PLC0415 - TensorFlow takes seconds

    softmax = keras.layers.Dense(len(LABELS), activation="softmax", name="head")
    return keras.Model(trunk.inputs, softmax(trunk.outputs[0]))


def head_of(network: "keras.Model") -> Head:
    """Return the last layer as a version's head."""
    weights, bias = network.layers[-1].get_weights()
    return Head(
        weights=tuple(tuple(float(value) for value in row) for row in weights),
        bias=tuple(float(value) for value in bias),
    )


def fit(
    network: "keras.Model",
    dataset: Dataset,
    settings: TrainingSettings,
    work_dir: Path,
    threads: int,
    on_epoch: Callable[[Epoch], None],
) -> None:
    """Train a compiled network for `settings.epochs` epochs; `on_epoch` is called at the end of each.

    What it came to is kept in `work_dir`: where that has epochs already, of a training that was interrupted,
    `on_epoch` is told of them, and it goes on with the next, to the same end. Photos of the rarer label weigh
    more, and of an `early_stopping_patience` holds what `train_head` says.

    Raises:
        OSError: a photo can no longer be read, or the claim is full.
        DataError: where the photos are can't be reached any more, or one has changed.
    """
    from catdog_trainer.photo_stream import PhotoStream, telling_why  # noqa: PLC0415 - TensorFlow takes seconds

    size, batch_size = settings.image_size, settings.batch_size
    training = PhotoStream(dataset.of("training"), size, batch_size, threads)
    validation = PhotoStream(dataset.of("validation"), size, batch_size, threads)
    checkpoints = Checkpoints(work_dir, settings.early_stopping_patience)
    checkpoints.restore(network)
    for epoch in checkpoints.history:
        on_epoch(epoch)
    done = len(checkpoints.history)
    if done < settings.epochs and not checkpoints.is_over():
        with telling_why(training, validation):
            network.fit(
                training.shuffled(settings.seed, done, settings.epochs),
                steps_per_epoch=training.batches,
                validation_data=validation.in_order(),
                initial_epoch=done,
                epochs=settings.epochs,
                class_weight=_class_weight(dataset),
                callbacks=[_at_each_epoch(network, checkpoints, settings.seed, on_epoch)],
                shuffle=False,  # the stream does that
                verbose=0,
            )
    checkpoints.load_chosen(network)


def _make_repeatable(seed: int) -> None:
    """Have TensorFlow and Keras do the same each time; a network is built after this."""
    import keras  # noqa: PLC0415 - TensorFlow takes seconds
    import tensorflow as tf  # noqa: PLC0415 - as above

    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(seed)


def _class_weight(dataset: Dataset) -> dict[int, float]:
    weights = class_weights(dataset.counts()["training"])
    return {LABELS.index(label): weight for label, weight in weights.items()}


def _at_each_epoch(
    network: "keras.Model", checkpoints: Checkpoints, seed: int, on_epoch: Callable[[Epoch], None]
) -> "keras.callbacks.Callback":
    import keras  # noqa: PLC0415 - TensorFlow takes seconds

    def begin(epoch: int, _: object) -> None:
        _seed_layers(network, seed, epoch)

    def end(epoch: int, logs: dict[str, float]) -> None:
        ended = Epoch(epoch + 1, logs["loss"], logs["accuracy"], logs["val_loss"], logs["val_accuracy"])
        checkpoints.keep(network, ended)
        on_epoch(ended)
        network.stop_training = checkpoints.is_over()

    return keras.callbacks.LambdaCallback(on_epoch_begin=begin, on_epoch_end=end)


def _seed_layers(network: "keras.Model", seed: int, epoch: int) -> None:
    """Have what layers do at random depend on the epoch alone: Keras keeps no such state with weights."""
    for number, layer in enumerate(network.layers):
        if (generator := getattr(layer, "seed_generator", None)) is not None:
            generator.state.assign(np.random.SeedSequence((seed, epoch, number)).generate_state(2))
