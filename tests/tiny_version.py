"""Publishes a tiny version on a claim: a red picture is a cat to it, a blue one a dog."""

import io
import shutil
from pathlib import Path

import msgspec
from PIL import Image

from catdog_common.artifact import (
    FORMAT,
    LABELS,
    MODEL_FILE,
    TRUNK_FILE,
    Head,
    Metrics,
    ModelMetadata,
    Provenance,
    Resampling,
    Scale,
    TrainingSettings,
    TrunkDescription,
    UnknownRule,
    file_digest,
    version_dir,
    write_manifest,
)

TINY_TRUNK = Path(__file__).parent / "data" / "tiny-trunk.tflite"  # made by tests/make_tiny_trunk.py
FLOAT32_TRUNK = TINY_TRUNK.with_name("tiny-trunk-float32.tflite")
SIDE = 16  # pixels
PHOTOS = {"training": {"cat": 1, "dog": 1}, "validation": {"cat": 1, "dog": 1}}

RED_IS_CAT = Head(weights=((9.0, -9.0), (0.0, 0.0), (-9.0, 9.0)), bias=(0.0, 0.0))

# Far from red, and far from blue, is what has much of green.
GREEN_IS_UNKNOWN = UnknownRule(
    threshold=-9.0,
    log_odds=Scale(-6.2, 1.0),  # of a picture that shows ImageNet's first three classes, and no pet
    distance=Scale(0.0, 1.0),
    mean=(0.5, 0.0, 0.5),
    directions=((0.0, 1.0, 0.0),),
    variances=(0.01,),
    other_variance=0.009,
    measured_on=100,
)


def publish_tiny_version(
    storage: Path,
    model: str = "pets",
    version: int = 1,
    head: Head = RED_IS_CAT,
    training_hash: str = "0123456789",
    unknown: UnknownRule | None = None,
    trunk: Path = TINY_TRUNK,
    resampling: Resampling | None = Resampling.HAMMING,
) -> Path:
    """Write the files of a version as the trainer does; return its directory.

    Without `resampling` they are those of releases that knew one way, which read no others.
    """
    directory = version_dir(storage, model, version)
    directory.mkdir(parents=True)
    shutil.copy(trunk, directory / TRUNK_FILE)
    metadata = ModelMetadata(
        name=model,
        version=version,
        hash=training_hash,
        labels=LABELS,
        head=head,
        metrics=Metrics(photos=2, correct=2, accuracy=1.0, log_loss=0.0, confusion={}),
        settings=TrainingSettings("tiny", SIDE, epochs=1, batch_size=1, learning_rate=0.1, seed=1),
        provenance=Provenance("test", "sha256:00", photos=PHOTOS, unreadable=(), unreadable_photos=0),
        trained_at="2026-01-01T00:00:00Z",
        unknown=unknown,
        format=FORMAT if resampling else 1,
        resampling=resampling or Resampling.BICUBIC,
        trunk=TrunkDescription(file_digest(trunk), "float32" if trunk == FLOAT32_TRUNK else "int8", 3),
    )
    (directory / MODEL_FILE).write_bytes(msgspec.json.encode(metadata))
    write_manifest(directory)
    return directory


def picture(colour: str, size: tuple[int, int] = (64, 48), file_format: str = "JPEG") -> bytes:
    """Return an image file of one colour."""
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, file_format)
    return file.getvalue()
