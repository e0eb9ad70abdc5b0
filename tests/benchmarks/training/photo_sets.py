"""Photos for the benchmark, laid out as a data set's folder: what to learn from, and what to be judged by."""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import islice
from pathlib import Path

from catdog_common.artifact import LABELS
from catdog_trainer.data.drawings import write_drawings
from tests.photos import photos_dir

FOLDS = 5
_DRAWINGS = 500  # a label


def photo_set(name: str) -> list[Path]:
    """Return a set such as `oxford-pets` in the order of the digests; a photo's folder is its label.

    Raises:
        FileNotFoundError: it is not there.
    """
    directory = photos_dir(name)
    if directory is None:
        raise FileNotFoundError(name)
    return _by_digest(directory)


@cache
def drawings() -> list[Path]:
    """Return drawings of cats and dogs, where there are no photos."""
    directory = Path(tempfile.mkdtemp(prefix="catdog-drawings-"))
    write_drawings(directory, _DRAWINGS, seed=1)
    return _by_digest(directory)


def lay_out(directory: Path, training: Sequence[Path], validation: Sequence[Path]) -> Path:
    """Copy photos to `directory`/training/cat and so on, and return it."""
    for split, photos in (("training", training), ("validation", validation)):
        for label in LABELS:
            (directory / split / label).mkdir(parents=True)
        for number, photo in enumerate(photos):
            shutil.copy(photo, directory / split / photo.parent.name / f"{number:05}{photo.suffix}")
    return directory


def folds(photos: Sequence[Path]) -> Iterator[tuple[list[Path], list[Path]]]:
    """Yield what to learn from and what to be judged by, five times: each photo is in one fold."""
    for fold in range(FOLDS):
        yield (
            [photo for number, photo in enumerate(photos) if number % FOLDS != fold],
            [photo for number, photo in enumerate(photos) if number % FOLDS == fold],
        )


def lay_out_many(directory: Path, photos: Sequence[Path], count: int) -> Path:
    """Lay out `count` photos, a fifth of them for validation; where there are fewer, bytes are appended.

    A photo and its repetitions are other files to the trainer, and on the same side of the split.
    """
    labelled = [[photo for photo in photos if photo.parent.name == label] for label in LABELS]
    for label, of_label in zip(LABELS, labelled, strict=True):
        for split in ("training", "validation"):
            (directory / split / label).mkdir(parents=True)
        for number, (photo, repetition) in enumerate(islice(_repeated(of_label), count // len(LABELS))):
            split = "validation" if of_label.index(photo) % FOLDS == 0 else "training"
            path = directory / split / label / f"{number:05}{photo.suffix}"
            path.write_bytes(photo.read_bytes() + repetition * b"\0")
    return directory


def _repeated(photos: Sequence[Path]) -> Iterator[tuple[Path, int]]:
    repetition = 0
    while True:
        for photo in photos:
            yield photo, repetition
        repetition += 1


def _by_digest(directory: Path) -> list[Path]:
    files = [path for label in LABELS for path in (directory / label).iterdir()]
    return sorted(files, key=lambda path: hashlib.sha256(path.read_bytes()).digest())
