"""The lab's way: one message, Pillow, `keras.predict`, send and wait, commit.

The network, its weights and its head are those of the version that the worker serves, as Keras has them
in float32; it is told by the worker's environment what to do.
"""

import asyncio
import io
import os
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from catdog_common.artifact import read_metadata, version_dir
from catdog_common.environment import read_environment
from catdog_common.messages import Model, build_answer, event_source, write_answer
from catdog_inference.config import Config
from catdog_inference.kafka import new_consumer, new_producer
from catdog_inference.service import parse_record
from catdog_trainer.architectures import ARCHITECTURES
from catdog_trainer.architectures.weights import load_weights


def load_network(config: Config) -> tuple[keras.Model, int, tuple[str, ...]]:
    """Return the network from pixels to the labels' probabilities, its image size and the labels."""
    metadata = read_metadata(version_dir(config.storage, config.model_name, config.model_version))
    architecture = ARCHITECTURES[metadata.settings.architecture]
    trunk = architecture.build(architecture.image_size)
    load_weights(trunk, Path(os.environ["CATDOG_WEIGHTS_DIR"]), architecture)
    head = keras.layers.Dense(len(metadata.labels), activation="softmax")
    network = keras.Model(trunk.inputs, head(trunk.outputs[0]))
    head.set_weights([np.array(metadata.head.weights), np.array(metadata.head.bias)])
    return network, architecture.image_size, metadata.labels


def decode(value: bytes, size: int) -> NDArray[np.float32]:
    """Return the picture as Pillow reads it, float32 [1, size, size, 3]."""
    with Image.open(io.BytesIO(value)) as image:
        square = image.convert("RGB").resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(square, dtype=np.float32)[np.newaxis]


async def run(config: Config) -> None:
    """Answer without end."""
    network, size, labels = load_network(config)
    model = Model(config.model_name, config.model_version)
    source = event_source(config.kafka_cluster, config.model_namespace, config.model_name)
    consumer, producer = new_consumer(config), new_producer(config)
    consumer.subscribe([config.input_topic])
    await producer.start()
    await consumer.start()
    while True:
        record = parse_record(await consumer.getone())
        [row] = network.predict(decode(record.value or b"", size), verbose=0)
        probabilities = dict(zip(labels, map(float, row), strict=True))
        answer = build_answer(record, labels[int(row.argmax())], probabilities, model)
        sent = write_answer(answer, record, source, config.output_topic)
        await producer.send_and_wait(sent.topic, sent.value, key=sent.key, headers=list(sent.headers))
        await consumer.commit()


if __name__ == "__main__":
    asyncio.run(run(read_environment(Config, os.environ)))
