"""Finds labelled photos in whatever form they come, and sets some aside that no training will see."""

import random
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

LABELS = ("cat", "dog")
SUFFIXES = {".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp"}

_KAGGLE = re.compile(r"(cat|dog)\.\d+\.", re.IGNORECASE)  # Dogs vs. Cats: cat.0.jpg
_OXFORD = re.compile(r"[A-Za-z_]+_\d+\.")  # Oxford-IIIT Pet: Abyssinian_1.jpg is a cat, beagle_1.jpg a dog


@dataclass(frozen=True)
class LabelledPhoto:
    """A photo, and what is to be seen in it."""

    path: Path
    label: str


@dataclass(frozen=True)
class PhotoSet:
    """Photos to train on and photos held out: none is in both."""

    training: tuple[LabelledPhoto, ...]
    held_out: tuple[LabelledPhoto, ...]


def label_of(path: Path) -> str | None:
    """Return the label that a photo's folder or name gives, or None where neither says."""
    if (folder := path.parent.name.lower().removesuffix("s")) in LABELS:
        return folder
    if match := _KAGGLE.match(path.name):
        return match[1].lower()
    if _OXFORD.match(path.name):
        return "cat" if path.name[0].isupper() else "dog"
    return None


def find_photos(directory: Path) -> list[LabelledPhoto]:
    """Return every photo under `directory` whose label is known, in the order of their paths.

    Raises:
        ValueError: there is none of one label; the message says how photos may be laid out.
    """
    files = sorted(path for path in directory.rglob("*") if path.suffix.lower() in SUFFIXES)
    photos = [LabelledPhoto(path, label) for path in files if (label := label_of(path))]
    for label in LABELS:
        if not any(photo.label == label for photo in photos):
            raise ValueError(
                f"{directory} has no photo of a {label}: put photos into folders cat/ and dog/, or use the "
                "file names of Kaggle's Dogs vs. Cats (cat.0.jpg) or of Oxford-IIIT Pet (Abyssinian_1.jpg)"
            )
    return photos


def hold_out(photos: Iterable[LabelledPhoto], count: int, seed: int = 1) -> PhotoSet:
    """Set aside `count` photos, half of each label, but never more than half of what there is."""
    training: list[LabelledPhoto] = []
    held_out: list[LabelledPhoto] = []
    photos = list(photos)
    for label in LABELS:
        of_label = [photo for photo in photos if photo.label == label]
        random.Random(f"{seed}{label}").shuffle(of_label)  # noqa: S311 - a repeatable choice
        size = min(count // len(LABELS), len(of_label) // 2)
        held_out += of_label[:size]
        training += of_label[size:]
    random.Random(seed).shuffle(held_out)  # noqa: S311 - a repeatable order
    return PhotoSet(tuple(training), tuple(held_out))
