"""The trunk: the network as a flatbuffer, in int8, calibrated on training photos, and in float32.

Each is made once for each claim, where weights are published; a network that was trained has its own.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import structlog
from numpy.typing import NDArray

from catdog_common.artifact import TRUNK_FILE, VersionDamagedError
from catdog_common.predictor import Trunk
from catdog_trainer.architectures import Architecture
from catdog_trainer.files import write_whole

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

CALIBRATION_PHOTOS = 200

_FLOAT32_FILE = "float32.tflite"

Image = NDArray[np.uint8]  # [size, size, 3], RGB

_logger = structlog.get_logger(__name__)


def trunk_path(storage: Path, model: str, architecture: Architecture) -> Path:
    """Return where the trunk of `architecture` is kept on the claim; in int8."""
    kind = f"{architecture.name}-{architecture.image_size}"
    return storage / model / "trunks" / kind / TRUNK_FILE


def float32_path(trunk: Path) -> Path:
    """Return where the same network as `trunk` is kept in float32."""
    return trunk.with_name(_FLOAT32_FILE)


def is_usable(trunk: Path) -> bool:
    """Say whether a trunk is there; one that is damaged is removed, else no training would come past it."""
    if not trunk.exists():
        return False
    try:
        Trunk(trunk, threads=1)
    except VersionDamagedError as error:
        _logger.warning("trunk damaged, and made anew", error=str(error))
        trunk.unlink(missing_ok=True)
        return False
    return True


def keep_trunk(path: Path, flatbuffer: bytes) -> None:
    """Write the trunk so that it is there whole or not at all; where two do so at once, one stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, flatbuffer)


def pretrained_network(architecture: Architecture, weights: Path) -> "keras.Model":
    """Return the network with its baked weights, which lie in the folder `weights`."""
    from catdog_trainer.architectures.weights import load_weights  # noqa: PLC0415 - TensorFlow takes seconds

    network = architecture.build(architecture.image_size)
    load_weights(network, weights, architecture)
    return network


def convert_trunk(network: "keras.Model", images: Sequence[Image]) -> bytes:
    """Return the network in int8, calibrated on `images`.

    Input uint8 [1, size, size, 3], RGB; outputs float32 features [1, F], and where the network has them
    ImageNet probabilities [1, 1000]. Post-training quantisation:
    https://ai.google.dev/edge/litert/conversion/tensorflow/quantization
    """
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    converter = _converter(network, tf.float32)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: _calibration_inputs(images)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.uint8
    return bytes(converter.convert())


def convert_float32(network: "keras.Model") -> bytes:
    """Return the network in float32: with the same input, and the same outputs, as in int8."""
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    return bytes(_converter(network, tf.uint8).convert())


def _converter(network: "keras.Model", pixels: "tf.DType") -> "tf.lite.TFLiteConverter":
    """Return what converts the network, which is given `pixels` of this type and computes in float32.

    By way of a function, as `from_keras_model` fails with Keras 3; and without the network as
    `trackable_obj`, as then its variables stay variables, which calibration can't read.
    """
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    trunk = tf.function(
        lambda image: network(tf.cast(image, tf.float32), training=False),
        input_signature=[tf.TensorSpec((1, *network.input_shape[1:]), pixels, name="image")],
        autograph=False,
    )
    return tf.lite.TFLiteConverter.from_concrete_functions([trunk.get_concrete_function()])


def _calibration_inputs(images: Sequence[Image]) -> Iterator[list[NDArray[Any]]]:
    for number, image in enumerate(images):
        pixels = image[np.newaxis].astype(np.float32)
        if number == 0:  # the whole range of a byte, so that a byte in the input stands for itself
            pixels[0, 0, 0, :2] = 0, 255
        yield [pixels]
