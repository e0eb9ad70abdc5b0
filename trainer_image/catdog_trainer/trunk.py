"""The trunk: the network as an int8 flatbuffer, calibrated on training photos once for each claim."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catdog_common.artifact import TRUNK_FILE
from catdog_trainer.architectures import Architecture
from catdog_trainer.files import write_whole

CALIBRATION_PHOTOS = 200

Image = NDArray[np.uint8]  # [size, size, 3], RGB


def trunk_path(storage: Path, model: str, architecture: Architecture) -> Path:
    """Return where the trunk of `architecture` is kept on the claim."""
    kind = f"{architecture.name}-{architecture.image_size}"
    return storage / model / "trunks" / kind / TRUNK_FILE


def keep_trunk(path: Path, flatbuffer: bytes) -> None:
    """Write the trunk so that it is there whole or not at all; where two do so at once, one stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, flatbuffer)


def convert_trunk(architecture: Architecture, weights: Path, images: Sequence[Image]) -> bytes:
    """Return the network with its baked weights in int8, calibrated on `images`.

    Input uint8 [1, size, size, 3], RGB; outputs float32 features [1, F] and ImageNet probabilities
    [1, 1000]. Post-training quantisation: https://ai.google.dev/edge/litert/conversion/tensorflow/quantization
    """
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    from catdog_trainer.architectures.weights import load_weights  # noqa: PLC0415 - as above

    network = architecture.build(architecture.image_size)
    load_weights(network, weights, architecture)
    size = architecture.image_size
    trunk = tf.function(
        lambda image: network(image, training=False),
        input_signature=[tf.TensorSpec((1, size, size, 3), tf.float32, name="image")],
        autograph=False,
    )
    # By way of a function, as `from_keras_model` fails with Keras 3; and without the network as
    # `trackable_obj`, as then its variables stay variables, which calibration can't read.
    converter = tf.lite.TFLiteConverter.from_concrete_functions([trunk.get_concrete_function()])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: _calibration_inputs(images)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.uint8
    return bytes(converter.convert())


def _calibration_inputs(images: Sequence[Image]) -> Iterator[list[NDArray[Any]]]:
    for number, image in enumerate(images):
        pixels = image[np.newaxis].astype(np.float32)
        if number == 0:  # the whole range of a byte, so that a byte in the input stands for itself
            pixels[0, 0, 0, :2] = 0, 255
        yield [pixels]
