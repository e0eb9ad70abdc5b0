"""Answers photos by several versions of a model, each by its own files, as a worker that serves it would."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from rich.table import Table
from rich.text import Text

from catdog_client.errors import ClientError
from catdog_client.folder import printable
from catdog_common.artifact import UNKNOWN, VersionDamagedError

try:
    from catdog_common.images import UnreadableImageError
    from catdog_common.predictor import Predictor
except ImportError as error:  # of the package's extra
    MISSING: str | None = error.name
else:
    MISSING = None


class VersionAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a version answers."""

    version: int
    label: str
    probabilities: dict[str, float]


class Compared(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of a photo: each version's answer in their order, or why there is none."""

    file: str
    answers: tuple[VersionAnswer, ...] = ()
    error: str | None = None

    @property
    def agrees(self) -> bool:
        """Whether all versions say the same."""
        return len({each.label for each in self.answers}) == 1


def check_installed() -> None:
    """Look for what computes answers, before any file is fetched.

    Raises:
        ClientError: it is not installed here.
    """
    if MISSING is not None:
        raise ClientError(
            f"{MISSING} is not installed, by which answers are computed on this machine: "
            "pip install '.[compare]'"
        )


def load(directory: Path, version: int, threads: int) -> "Predictor":
    """Return the predictor of the version whose files are in `directory`.

    Raises:
        ClientError: they are damaged.
    """
    try:
        return Predictor.load(directory, threads)
    except VersionDamagedError as error:
        raise ClientError(f"version {version} is damaged: {error}") from error


def compare(predictors: Sequence["Predictor"], photos: Sequence[Path]) -> Iterator[Compared]:
    """Yield what the versions say of each photo."""
    for photo in photos:
        file = printable(str(photo))
        try:
            content = photo.read_bytes()
            yield Compared(file, tuple(answer_photo(each, content) for each in predictors))
        except OSError as error:
            yield Compared(file, error=f"cannot be read: {error.strerror}")
        except UnreadableImageError as error:
            yield Compared(file, error=f"{error.reason}: {error}")


def answer_photo(predictor: "Predictor", content: bytes, held_pixels: int | None = None) -> VersionAnswer:
    """Return what a version says of an image file; `held_pixels` are those that may take memory at once.

    Raises:
        UnreadableImageError: the file is none that can be decoded.
    """
    metadata = predictor.metadata
    decoded = predictor.decode(content) if held_pixels is None else predictor.decode(content, held_pixels)
    answers = predictor.answer([decoded])
    values = zip(metadata.labels, answers.probabilities[0], strict=True)
    return VersionAnswer(
        metadata.version, answers.labels[0], {label: round(float(value), 6) for label, value in values}
    )


def as_table(compared: Sequence[Compared], versions: Sequence[int]) -> Table:
    """Return the answers side by side; photos on which the versions differ are marked."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("FILE", *(f"VERSION {each}" for each in versions), ""):
        table.add_column(column, overflow="fold")
    for each in compared:
        if each.error is not None:
            cells = [each.file, each.error]
        else:
            cells = [each.file, *map(_cell, each.answers), "" if each.agrees else "differ"]
        table.add_row(*map(Text, cells))  # as they are: a string's brackets would be taken for markup
    return table


def _cell(answer: VersionAnswer) -> str:
    if answer.label == UNKNOWN:
        return UNKNOWN
    return f"{answer.label} {answer.probabilities[answer.label]:.3f}"
