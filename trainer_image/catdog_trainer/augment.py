"""Changes pictures at random as the lab did: sheared, zoomed along each axis, and mirrored."""

from typing import Any

import tensorflow as tf

_SHEAR = 0.1  # of a side's length, at most
_ZOOM = 0.1  # of a side's length, at most


def augment(images: Any, seed: Any) -> Any:  # noqa: ANN401 - TensorFlow has no types
    """Return `images`, float32 [n, S, S, 3], each changed in its own way, by `seed`, int32 [2], alone.

    What lies beyond an edge is the edge's colour. All three at once, as one pass over the pixels blurs less
    than three.
    """
    count = tf.shape(images)[0]
    chance = tf.random.stateless_uniform((4, count), seed, minval=-1.0)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=_transforms(chance, tf.cast(tf.shape(images)[1] - 1, tf.float32) / 2),
        output_shape=tf.shape(images)[1:3],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="NEAREST",
    )


def _transforms(chance: Any, centre: Any) -> Any:  # noqa: ANN401 - TensorFlow has no types
    """Return [n, 8]: where each pixel comes from, x' = ax + by + c and y' = dx + ey + f, about the centre."""
    side = tf.where(chance[0] < 0, -1.0, 1.0)
    across, down = side * (1 + _ZOOM * chance[1]), 1 + _ZOOM * chance[2]
    shear = _SHEAR * chance[3]
    none = tf.zeros_like(shear)
    return tf.stack(
        (across, shear, centre * (1 - across - shear), none, down, centre * (1 - down), none, none), axis=1
    )
