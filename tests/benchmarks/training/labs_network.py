"""Photos/s of the lab's own network in training, to compare with.

    python -m tests.benchmarks.training.labs_network STEPS

Eight convolutions and 10,675,745 parameters on 200 × 200 pixels, RMSprop of 1e-4 and batches of 8, as the lab
had it. Its photos are noise that lies in memory: neither decoding nor its augmentation is in the time, which
is to the lab's advantage.
"""

import sys
from time import perf_counter, process_time

import keras
import msgspec
import numpy as np
from keras import layers

from tests.benchmarks.training.figures import LabRound

SIZE = 200
BATCH = 8
PARAMETERS = 10_675_745
_FILTERS = (32, 64, 128, 256)


def build() -> keras.Model:
    """Return the network, compiled."""
    network = keras.Sequential([layers.Input((SIZE, SIZE, 3))])
    for filters in _FILTERS:
        network.add(layers.Conv2D(filters, 3, padding="same", activation="relu"))
        network.add(layers.Conv2D(filters, 3, padding="same", activation="relu"))
        network.add(layers.MaxPooling2D())
    network.add(layers.Flatten())
    for _ in range(2):
        network.add(layers.Dense(256, activation="relu"))
        network.add(layers.Dropout(0.5))
    network.add(layers.Dense(1, activation="sigmoid"))
    network.compile(keras.optimizers.RMSprop(1e-4), "binary_crossentropy", metrics=["accuracy"])
    return network


def main(steps: int) -> None:
    """Train for so many steps after two that are not counted, and print what it took."""
    network = build()
    assert network.count_params() == PARAMETERS
    chance = np.random.default_rng(1)
    photos = chance.random((BATCH, SIZE, SIZE, 3), np.float32)
    labels = np.arange(BATCH) % 2
    for _ in range(2):
        network.train_on_batch(photos, labels)
    begun, computed = perf_counter(), process_time()
    for _ in range(steps):
        network.train_on_batch(photos, labels)
    seconds, computed = perf_counter() - begun, process_time() - computed
    round_ = LabRound(steps * BATCH / seconds, 1000 * computed / (steps * BATCH))
    sys.stdout.write(msgspec.json.encode(round_).decode() + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
