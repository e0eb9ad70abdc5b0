"""Makes tests/data/tiny-trunk*.tflite: a network of our own without weights, for tests of the predictor.

Its three features are the mean red, green and blue of a 16 × 16 image, from 0 to 1; its thousand "ImageNet
probabilities" are these three and zeros. It takes uint8 and works in int8 as the real ones do, and gives
int8 too, which the predictor has to turn back. The other file is the same in float32. TensorFlow is needed,
which the tests are without, so the results (2 kB each) lie beside them:

    python -m venv /tmp/tf && /tmp/tf/bin/pip install --require-hashes -r requirements/trainer.txt
    /tmp/tf/bin/python -m tests.make_tiny_trunk
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

SIDE = 16
TRUNK = Path(__file__).parent / "data" / "tiny-trunk.tflite"
FLOAT32_TRUNK = TRUNK.with_name("tiny-trunk-float32.tflite")


@tf.function(input_signature=[tf.TensorSpec([1, SIDE, SIDE, 3], tf.float32)])  # type: ignore[untyped-decorator]
def network(image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return features and probabilities of an image whose values go from 0 to 255."""
    features = tf.reduce_mean(image, axis=[1, 2]) / 255.0
    return features, tf.pad(features, [[0, 0], [0, 997]])


@tf.function(input_signature=[tf.TensorSpec([1, SIDE, SIDE, 3], tf.uint8)])  # type: ignore[untyped-decorator]
def float32_network(image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the same of an image of bytes."""
    features, probabilities = network(tf.cast(image, tf.float32))
    return features, probabilities


def calibration() -> Iterator[list[np.ndarray]]:
    """Yield images that span what the network can meet."""
    random = np.random.default_rng(1)
    for brightness in np.linspace(0, 255, 32):
        colour = random.uniform(0, brightness, 3)
        yield [np.full((1, SIDE, SIDE, 3), colour, np.float32)]
        yield [np.full((1, SIDE, SIDE, 3), brightness, np.float32)]


def main() -> None:
    """Write the flatbuffers."""
    converter = tf.lite.TFLiteConverter.from_concrete_functions([network.get_concrete_function()], network)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = calibration
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.uint8
    converter.inference_output_type = tf.int8
    TRUNK.parent.mkdir(exist_ok=True)
    TRUNK.write_bytes(converter.convert())
    of_floats = tf.lite.TFLiteConverter.from_concrete_functions(
        [float32_network.get_concrete_function()], float32_network
    )
    FLOAT32_TRUNK.write_bytes(of_floats.convert())


if __name__ == "__main__":
    main()
