"""Photos, folders and versions for the trainer's tests."""

import hashlib
import io
from functools import partial
from pathlib import Path

from PIL import Image

from catdog_common.artifact import (
    LABELS,
    Head,
    Metrics,
    ModelMetadata,
    Provenance,
    TrainingSettings,
)
from catdog_trainer.data import Photo, Split
from catdog_trainer.feature_store import RESAMPLING
from catdog_trainer.measure import NOT_MEASURED

TINY_TRUNK = Path(__file__).parents[2] / "data" / "tiny-trunk.tflite"  # features: mean red, green, blue

# On those features: what is red is a cat, what is blue is a dog.
RED_IS_CAT = Head(weights=((8.0, 0.0), (0.0, 0.0), (0.0, 8.0)), bias=(0.0, 0.0))

RED, BLUE = (200, 20, 20), (20, 20, 200)


def picture(number: int, colour: tuple[int, int, int] = RED) -> bytes:
    """Return a small PNG; another number is another picture, to the byte."""
    image = Image.new("RGB", (20, 20), colour)
    image.putpixel((0, 0), (number % 256, number // 256, 0))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def put(path: Path, content: bytes) -> Path:
    """Write a file and the folders that it needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def photo(number: int, label: str, split: Split, content: bytes | None = None) -> Photo:
    """Return a photo that holds its own bytes."""
    if content is None:
        content = picture(number, RED if label == "cat" else BLUE)
    digest = hashlib.sha256(content).hexdigest()
    return Photo(digest, label, split, f"{split}/{label}/{number}.png", partial(bytes, content))


def metadata(name: str = "pets", training_hash: str = "0123456789", version: int = 0) -> ModelMetadata:
    """Return the metadata of a version on the tiny trunk."""
    return ModelMetadata(
        name=name,
        version=version,
        hash=training_hash,
        labels=LABELS,
        head=RED_IS_CAT,
        metrics=NOT_MEASURED,
        settings=TrainingSettings("efficientnet-lite0", 16, 20, 32, 0.001, 42),
        provenance=Provenance(
            source="the claim's folder data/",
            digest=f"sha256:{'0' * 64}",
            photos={"training": {"cat": 10, "dog": 11}, "validation": {"cat": 2, "dog": 3}},
            unreadable=(),
            unreadable_photos=0,
        ),
        trained_at="2026-01-02T03:04:05Z",
        resampling=RESAMPLING,
    )


def metrics(photos: int = 5, correct: int = 4) -> Metrics:
    """Return what a predictor could have reached."""
    return Metrics(photos, correct, correct / photos, 0.1, {"cat": {"cat": correct, "dog": photos - correct}})
