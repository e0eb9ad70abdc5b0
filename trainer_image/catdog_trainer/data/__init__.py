"""Labelled photos from any source, all alike from here on: digest, label, split, and how to read them."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from catdog_common.artifact import LABELS, PartitionOffsets

Split = Literal["training", "validation"]
SPLITS: tuple[Split, Split] = ("training", "validation")

MIN_TRAINING_PHOTOS = 10  # of each label: fewer say nothing of the label
MIN_VALIDATION_PHOTOS = 2  # of each label
_VALIDATION_SHARE = 0.2

# What is larger is no photo but a film or an archive, and is not read, as it would be in memory as a whole:
# the largest picture that is decoded has 192 MiB at three bytes a pixel.
MAX_PHOTO_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True)
class Photo:
    """A labelled photo; `read` returns its bytes, and may raise OSError, or DataError if they changed."""

    digest: str  # sha256, hex
    label: str
    split: Split
    name: str  # for people: its path within the source
    read: Callable[[], bytes]


@dataclass(frozen=True)
class Dataset:
    """What a source holds: the photos to use in the order of their digests, and what was left out."""

    source: str  # for people: "the claim's folder data/"
    layout: tuple[str, ...]  # for people: where photos of a label belong, with {label} in it
    photos: tuple[Photo, ...]
    unreadable: tuple[str, ...] = ()  # names of files that are no photos, and so on of what is not used:
    copies: tuple[str, ...] = ()  # byte for byte another photo of the same label
    contradictory: tuple[str, ...] = ()  # under both labels
    near_copies: tuple[str, ...] = ()  # for validation, and nearly equal to a training photo
    offsets: tuple[PartitionOffsets, ...] = ()  # what was read of a topic

    @classmethod
    def gather(
        cls, source: str, layout: tuple[str, ...], found: Iterable[Photo], unreadable: Iterable[str]
    ) -> "Dataset":
        """Return the dataset of what a source has: each photo once, in the order of their digests.

        A photo that stands in both splits is left out of validation; one that stands under both labels
        is left out altogether, as nobody knows what it shows.
        """
        labels: dict[str, set[str]] = {}
        first: dict[str, Photo] = {}
        ordered = sorted(found, key=lambda photo: (photo.digest, photo.split, photo.name))
        for photo in ordered:
            labels.setdefault(photo.digest, set()).add(photo.label)
            first.setdefault(photo.digest, photo)  # "training" sorts before "validation"
        agreed = {digest for digest, given in labels.items() if len(given) == 1}
        return cls(
            source,
            layout,
            photos=tuple(photo for digest, photo in first.items() if digest in agreed),
            unreadable=tuple(sorted(unreadable)),
            copies=tuple(p.name for p in ordered if p.digest in agreed and p is not first[p.digest]),
            contradictory=tuple(photo.name for photo in ordered if photo.digest not in agreed),
        )

    @property
    def left_out(self) -> int:
        """How many files were left out when the photos were gathered."""
        return len(self.copies) + len(self.contradictory)

    def without(self, unreadable: Iterable[Photo]) -> "Dataset":
        """Return the dataset with these photos counted among the unreadable files."""
        gone = {photo.digest: photo.name for photo in unreadable}
        photos = tuple(photo for photo in self.photos if photo.digest not in gone)
        return replace(self, photos=photos, unreadable=tuple(sorted((*self.unreadable, *gone.values()))))

    def without_near_copies(self, near_copies: Iterable[Photo]) -> "Dataset":
        """Return the dataset without these validation photos, which are nearly equal to training ones."""
        gone = {photo.digest: photo.name for photo in near_copies}
        photos = tuple(photo for photo in self.photos if photo.digest not in gone)
        return replace(self, photos=photos, near_copies=(*self.near_copies, *gone.values()))

    def of(self, split: Split) -> tuple[Photo, ...]:
        """Return the photos of one split."""
        return tuple(photo for photo in self.photos if photo.split == split)

    def counts(self) -> dict[str, dict[str, int]]:
        """Return how many photos there are by split and label."""
        counted = Counter((photo.split, photo.label) for photo in self.photos)
        return {split: {label: counted[split, label] for label in LABELS} for split in SPLITS}

    def digest(self) -> str:
        """Return `sha256:<hex>` over digest, label and split of every photo."""
        lines = "".join(f"{photo.digest},{photo.label},{photo.split}\n" for photo in self.photos)
        return f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"


class DataError(Exception):
    """Nothing can be learned from the data as they are; reason and message tell a person what to do.

    What is `permanent` only another setting mends: no later attempt finds anything else.
    """

    def __init__(self, reason: str, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.reason, self.permanent = reason, permanent


def changed(what: str) -> DataError:
    """Return the error that the data are not what they were a moment ago: `what` says which, and how."""
    return DataError("DataChanged", f"{what}; the training begins again with what is there by then")


def split_of(digest: str) -> Split:
    """Return the split of a photo by its content alone, so that it never changes sides."""
    fraction = int(digest[:16], 16) / 2**64
    return "validation" if fraction < _VALIDATION_SHARE else "training"


def check(dataset: Dataset) -> None:
    """See that there is enough to learn from and to measure with.

    Raises:
        DataError: NoReadablePhotos, ClassMissing or TooFewPhotos, with the numbers found and needed.
    """
    if not dataset.photos and dataset.unreadable:
        raise DataError("NoReadablePhotos", _no_readable_photos(dataset))
    counts = dataset.counts()
    missing = [label for label in LABELS if not any(counts[split][label] for split in SPLITS)]
    if len(missing) == 1:
        raise DataError("ClassMissing", _class_missing(dataset, missing[0]))
    if any(counts[split][label] < _needed(split) for split in SPLITS for label in LABELS):
        raise DataError("TooFewPhotos", _too_few(dataset))


def _needed(split: Split) -> int:
    return MIN_TRAINING_PHOTOS if split == "training" else MIN_VALIDATION_PHOTOS


def _no_readable_photos(dataset: Dataset) -> str:
    return (
        f"{dataset.source} has {_files(dataset)} and none is a photo that can be read "
        f"({_some(dataset.unreadable)}): put photos into {_folders(dataset, *LABELS)}"
    )


def _class_missing(dataset: Dataset, label: str) -> str:
    (other,) = (each for each in LABELS if each != label)
    return (
        f"{dataset.source} has photos of {other}s only{_beside(dataset)}: "
        f"put photos of {label}s into {_folders(dataset, label)}"
    )


def _too_few(dataset: Dataset) -> str:
    found = "; ".join(
        f"{split} has {' and '.join(f'{count} of {label}s' for label, count in labels.items())}, "
        f"needed are {_needed(split)} of each"
        for split, labels in ((split, dataset.counts()[split]) for split in SPLITS)
    )
    more = f"put more into {_folders(dataset, *LABELS)}"
    return f"{dataset.source} has too few photos{_beside(dataset)}: {found}; {more}"


def _beside(dataset: Dataset) -> str:
    beside = []
    if dataset.unreadable:
        beside.append(f" (and {_files(dataset)} that can't be read: {_some(dataset.unreadable)})")
    if dataset.near_copies:
        near = len(dataset.near_copies)
        beside.append(f" (and {near} for validation that are nearly equal to training photos)")
    return "".join(beside)


def _files(dataset: Dataset) -> str:
    count = len(dataset.unreadable)
    return f"{count} file" if count == 1 else f"{count} files"


def _folders(dataset: Dataset, *labels: str) -> str:
    *others, last = (folder.format(label=label) for folder in dataset.layout for label in labels)
    return f"{', '.join(others)} and {last}" if others else last


def _some(names: Sequence[str]) -> str:
    """Return up to three names, none so long that it would fill the message."""
    shown = [name if len(name) <= 60 else f"{name[:40]}…{name[-19:]}" for name in names[:3]]
    return ", ".join(shown) + (", …" if len(names) > len(shown) else "")
