"""Pictures for the benchmark: photos, where there are some, as JPEGs of a size that is asked for."""

import io
import shutil
import tempfile
from functools import cache
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from catdog_trainer.data.drawings import write_drawings
from tests.photos import photos_dir

# What cameras and phones give, roughly; a photo that is made larger has a camera's noise put into it again.
_BYTES_A_PIXEL = 0.25
_NOISE = 5.0
_QUALITIES = range(5, 99)
_DRAWINGS = 120


def real_photos() -> bool:
    """Whether there are photos; else drawings stand in."""
    return photos_dir("oxford-pets") is not None


def jpegs(size: int, count: int) -> list[bytes]:
    """Return pictures of roughly `size` bytes, each within a quarter of it and together within a tenth."""
    files = sorted(path for label in ("cat", "dog") for path in (_folder() / label).iterdir())
    chosen = files[:: max(1, len(files) // count)][:count]
    return [_jpeg(path, size, seed) for seed, path in enumerate(chosen)]


def write_training_photos(directory: Path, per_label: int) -> None:
    """Copy pictures to `directory`/cat and `directory`/dog."""
    for label in ("cat", "dog"):
        (directory / label).mkdir()
        for path in islice(sorted((_folder() / label).iterdir()), per_label):
            shutil.copy(path, directory / label)


@cache
def _folder() -> Path:
    if found := photos_dir("oxford-pets"):
        return found
    directory = Path(tempfile.mkdtemp(prefix="catdog-drawings-"))
    write_drawings(directory, _DRAWINGS, seed=1)
    return directory


def _jpeg(path: Path, size: int, seed: int) -> bytes:
    with Image.open(path) as image:
        scale = (size / _BYTES_A_PIXEL / (image.width * image.height)) ** 0.5
        sides = (round(scale * image.width), round(scale * image.height))
        picture = image.convert("RGB").resize(sides, Image.Resampling.BICUBIC)
    noise = np.random.default_rng(seed).normal(0, _NOISE, (*reversed(sides), 1)).astype(np.float32)
    noisy = Image.fromarray(np.clip(np.asarray(picture) + noise, 0, 255).astype(np.uint8))
    low, high = _QUALITIES.start, _QUALITIES.stop
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if len(_encoded(noisy, middle)) <= size else (low, middle)
    return _encoded(noisy, low)


def _encoded(picture: Image.Image, quality: int) -> bytes:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return file.getvalue()
