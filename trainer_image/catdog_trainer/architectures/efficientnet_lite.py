"""EfficientNet-Lite: EfficientNet without squeeze-and-excite and with ReLU6, made to run in int8.

Tan and Le, https://arxiv.org/abs/1905.11946; the Lite variants:
https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite
"""

import math
from typing import NamedTuple

import keras
from keras import layers


class _Stage(NamedTuple):
    repeats: int
    kernel: int
    stride: int
    expansion: int
    filters: int


_STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
)
_STEM_FILTERS = 32
_FEATURES = 1280
_CLASSES = 1000  # ImageNet's
_EPSILON = 1e-3  # of batch normalisation


def build(image_size: int, width: float, depth: float) -> keras.Model:
    """Return the network from RGB pixels (float, 0 to 255) to (features, ImageNet probabilities)."""
    image = layers.Input((image_size, image_size, 3))
    x = layers.Rescaling(1 / 128, offset=-127 / 128, name="rescale")(image)
    x = _convolution(x, _STEM_FILTERS, 3, "conv_stem", strides=2)
    x = _activated(x, "bn0")
    number = 0
    for stage in _STAGES:
        for repeat in range(_repeats(stage, depth)):
            stride = stage.stride if repeat == 0 else 1
            x = _block(x, stage, stride, _filters(stage.filters, width), f"block{number}")
            number += 1
    x = _convolution(x, _FEATURES, 1, "conv_head")
    features = layers.GlobalAveragePooling2D(name="features")(_activated(x, "bn1"))
    probabilities = layers.Dense(_CLASSES, activation="softmax", name="fc")(features)
    return keras.Model(image, (features, probabilities))


def _block(
    image: keras.KerasTensor, stage: _Stage, stride: int, filters: int, name: str
) -> keras.KerasTensor:
    """Add an inverted residual block: expand, filter each channel by itself, project."""
    x = image
    if stage.expansion != 1:
        x = _convolution(x, image.shape[-1] * stage.expansion, 1, f"{name}_expand_conv")
        x = _activated(x, f"{name}_bn0")
    x = layers.DepthwiseConv2D(stage.kernel, stride, "same", use_bias=False, name=f"{name}_depthwise_conv")(x)
    x = _activated(x, f"{name}_bn1")
    x = _convolution(x, filters, 1, f"{name}_project_conv")
    x = layers.BatchNormalization(epsilon=_EPSILON, name=f"{name}_bn2")(x)
    if stride == 1 and image.shape[-1] == filters:
        x = layers.Add(name=f"{name}_add")((x, image))
    return x


def _convolution(
    x: keras.KerasTensor, filters: int, kernel: int, name: str, strides: int = 1
) -> keras.KerasTensor:
    return layers.Conv2D(filters, kernel, strides, "same", use_bias=False, name=name)(x)


def _activated(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    x = layers.BatchNormalization(epsilon=_EPSILON, name=name)(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x)


def _filters(filters: int, width: float) -> int:
    """Round to a multiple of 8, but never below nine tenths of what was asked for."""
    if width == 1.0:
        return filters
    rounded = max(8, int(filters * width + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * filters * width else rounded + 8


def _repeats(stage: _Stage, depth: float) -> int:
    if stage in (_STAGES[0], _STAGES[-1]):
        return stage.repeats
    return math.ceil(stage.repeats * depth)
