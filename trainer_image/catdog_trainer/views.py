"""The views of a training photo: a head that learns from several of each learns more from the same photos.

Chosen by what they bring (`python -m tests.benchmarks.training.ideas`, docs/training-figures.md): two corners
of the picture, and as good as nothing by the mirrored one, as the network was trained on mirrored photos too.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

Image = NDArray[np.uint8]  # [S, S, 3], RGB


@dataclass(frozen=True)
class View:
    """One way to look at a photo."""

    name: str  # also of the folder where its features are kept: another way needs another name
    show: Callable[[Image], Image]


def corner(x: int, y: int) -> Callable[[Image], Image]:
    """Return what shows three quarters of a picture's sides, made as large as the picture.

    `x` and `y` are 0 for those at the left and at the top, 1 for those at the right and at the bottom.
    """

    def show(image: Image) -> Image:
        size = len(image)
        part = round(0.75 * size)
        left, top = x * (size - part), y * (size - part)
        shown = Pillow.fromarray(image[top : top + part, left : left + part])
        return np.asarray(shown.resize((size, size), Pillow.Resampling.BICUBIC))

    return show


PLAIN = View("plain", lambda image: image)
AUGMENTED = (View("upper-left", corner(0, 0)), View("lower-right", corner(1, 1)))
