"""Seconds of what TensorFlow does in a training, under the settings of this process's environment.

    python -m tests.benchmarks.training.tensorflow_settings WEIGHTS ARCHITECTURE

It converts a network, and trains a head on top of the frozen network in Keras, which is how features could be
had in place of the flatbuffer. The product's own heads are trained without TensorFlow.
"""

import sys
from pathlib import Path
from time import perf_counter

import keras
import msgspec
import numpy as np

from catdog_common.artifact import LABELS
from catdog_trainer.architectures import ARCHITECTURES, Architecture
from catdog_trainer.trunk import convert_trunk, pretrained_network
from tests.benchmarks.training.figures import SettingsTimes

_CALIBRATION_PHOTOS = 20
_BATCH, _STEPS = 32, 4


def time_conversion(architecture: Architecture, weights: Path) -> float:
    """Convert the network, calibrated on a few pictures of noise."""
    chance = np.random.default_rng(1)
    size = architecture.image_size
    images = [chance.integers(0, 255, (size, size, 3), np.uint8) for _ in range(_CALIBRATION_PHOTOS)]
    network = pretrained_network(architecture, weights)
    begun = perf_counter()
    convert_trunk(network, images)
    return perf_counter() - begun


def frozen_photos_per_second(architecture: Architecture, weights: Path) -> float:
    """Train a head on top of the frozen network, for some steps after one that is not counted."""
    size = architecture.image_size
    trunk = pretrained_network(architecture, weights)
    trunk.trainable = False
    network = keras.Model(trunk.inputs, keras.layers.Dense(len(LABELS), "softmax")(trunk.outputs[0]))
    network.compile("sgd", "sparse_categorical_crossentropy")
    photos = np.random.default_rng(1).integers(0, 255, (_BATCH, size, size, 3), np.uint8).astype(np.float32)
    labels = np.arange(_BATCH) % len(LABELS)
    network.train_on_batch(photos, labels)
    begun = perf_counter()
    for _ in range(_STEPS):
        network.train_on_batch(photos, labels)
    return _STEPS * _BATCH / (perf_counter() - begun)


def main(weights: str, name: str) -> None:
    """Measure and print."""
    architecture = ARCHITECTURES[name]
    times = SettingsTimes(
        frozen_photos_per_second=frozen_photos_per_second(architecture, Path(weights)),
        conversion_seconds=time_conversion(architecture, Path(weights)),
    )
    sys.stdout.write(msgspec.json.encode(times).decode() + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
