"""The network that a lab of 2019 trained from scratch on cats and dogs: four times two convolutions, a pool.

It is the one known from Kaggle's Dogs vs. Cats:
https://www.kaggle.com/code/jeffd23/catdognet-keras-convnet-starter
There it ended in one sigmoid, and had 10,675,745 parameters at 200 × 200 pixels. Here it ends before that, in
the 256 features that the sigmoid looked at: a softmax of two, which says the same, is a version's head, as
with any other network. Network and head together have 10,676,002 parameters, 257 more.
"""

import keras
from keras import layers

_FILTERS = (32, 64, 128, 256)
_FEATURES = 256
_DROPPED = 0.5  # of the features, while it is trained


def build(image_size: int) -> keras.Model:
    """Return the network from RGB pixels (float, 0 to 255) to (features,); the weights are random."""
    image = layers.Input((image_size, image_size, 3))
    x = layers.Rescaling(1 / 255, name="rescale")(image)
    for number, filters in enumerate(_FILTERS):
        for half in ("a", "b"):
            x = layers.Conv2D(filters, 3, padding="same", activation="relu", name=f"conv{number}{half}")(x)
        x = layers.MaxPooling2D(name=f"pool{number}")(x)
    x = layers.Flatten(name="flat")(x)
    x = layers.Dense(_FEATURES, activation="relu", name="dense")(x)
    x = layers.Dropout(_DROPPED, name="dropout")(x)
    x = layers.Dense(_FEATURES, activation="relu", name="features")(x)
    return keras.Model(image, (layers.Dropout(_DROPPED, name="features_dropout")(x),))
