"""Shows the validation photos that the model is most surely wrong about: likely they are mislabelled.

The sheet lies beside the model, on the user's own claim. It is a new picture, so nothing that a camera
wrote into the photos, such as a place, comes along.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from catdog_common.artifact import LABELS
from catdog_trainer.data import DataError, Photo
from catdog_trainer.features import decode_photo
from catdog_trainer.legible import legible, shortened
from catdog_trainer.measure import Answer

MOST = 30  # photos on a sheet

_SIDE = 192  # pixels of a thumbnail
_GAP = 12
_LINE = 18
_NAME_LINES = 2
_CELL_WIDTH, _CELL_HEIGHT = _SIDE + _GAP, _SIDE + (1 + _NAME_LINES) * _LINE + _GAP
_COLUMNS = 6
_LEAST_COLUMNS = 4  # for the title's sake
_FONT_SIZE = 13
_QUALITY = 82  # of the JPEG: thirty photos in some 300 kB
_INK, _FAINT, _PAPER, _NOTHING = "#333333", "#777777", "#ffffff", "#e6e6e6"


@dataclass(frozen=True)
class Mistake:
    """A photo and what it was taken for, with which probability."""

    photo: Photo
    answer: str
    probability: float


def find_mistakes(answers: Sequence[Answer]) -> list[Mistake]:
    """Return the photos for which another label than theirs is the likeliest, the surest first."""
    taken = (
        Mistake(each.photo, LABELS[int(each.probabilities.argmax())], float(each.probabilities.max()))
        for each in answers
    )
    wrong = (mistake for mistake in taken if mistake.answer != mistake.photo.label)
    return sorted(wrong, key=lambda mistake: (-mistake.probability, mistake.photo.digest))


def draw_contact_sheet(answers: Sequence[Answer], name: str, path: Path) -> int:
    """Write a JPEG of the most surely wrong of `answers`, and return how many it shows.

    Where none is wrong nothing is written. Photos are decoded one at a time, as the network sees them:
    squashed to a square.
    """
    mistakes = find_mistakes(answers)
    shown = mistakes[:MOST]
    if not shown:
        return 0
    columns = min(_COLUMNS, max(_LEAST_COLUMNS, len(shown)))
    rows = -(-len(shown) // columns)
    sheet = Image.new("RGB", (_GAP + columns * _CELL_WIDTH, _GAP + 2 * _LINE + rows * _CELL_HEIGHT), _PAPER)
    draw, lettering = ImageDraw.Draw(sheet), _Lettering()
    [title] = lettering.lines(_title(name, len(mistakes), len(answers)), sheet.width - 2 * _GAP, 1)
    draw.text((_GAP, _GAP), title, _INK, lettering.font)
    for number, mistake in enumerate(shown):
        row, column = divmod(number, columns)
        corner = (_GAP + column * _CELL_WIDTH, _GAP + 2 * _LINE + row * _CELL_HEIGHT)
        _draw_mistake(sheet, draw, lettering, mistake, corner)
    sheet.save(path, "JPEG", quality=_QUALITY)
    return len(shown)


class _Lettering:
    """DejaVu Sans, which matplotlib brings: Latin, Greek, Cyrillic, Arabic and more, but no Han."""

    def __init__(self) -> None:
        import matplotlib as mpl  # noqa: PLC0415 - takes a second, and a run that finds its version needs none
        from matplotlib.ft2font import FT2Font  # noqa: PLC0415 - as above

        path = Path(mpl.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")
        self.font = ImageFont.truetype(str(path), _FONT_SIZE)
        self._characters = frozenset(FT2Font(str(path)).get_charmap())

    def lines(self, text: str, width: int, count: int) -> list[str]:
        """Return `text` in at most so many lines of `width` pixels; the last lacks what is too much.

        What the font lacks is there as escapes.
        """
        rest = legible(text, lambda character: ord(character) in self._characters)
        broken: list[str] = []
        while rest and len(broken) < count:
            line = self._fit(_beginning if len(broken) < count - 1 else shortened, rest, width)
            broken.append(line)
            rest = rest[len(line) :]
        return broken

    def _fit(self, cut: Callable[[str, int], str], text: str, width: int) -> str:
        """Return the longest that `cut` leaves of `text` and that fits; one character at the least."""
        lengths = range(min(len(text), width), 1, -1)  # no character is narrower than a pixel
        candidates = (cut(text, length) for length in lengths)
        return next((each for each in candidates if self.font.getlength(each) <= width), cut(text, 1))


def _beginning(text: str, length: int) -> str:
    return text[:length]


def _draw_mistake(
    sheet: Image.Image,
    draw: ImageDraw.ImageDraw,
    lettering: _Lettering,
    mistake: Mistake,
    corner: tuple[int, int],
) -> None:
    left, top = corner
    pixels = _pixels_of(mistake.photo)
    if pixels is None:  # it was readable a minute ago, and a sheet is no reason to fail
        draw.rectangle((left, top, left + _SIDE, top + _SIDE), _NOTHING)
    else:
        sheet.paste(Image.fromarray(pixels), corner)
    said = f"{mistake.photo.label} → {mistake.answer}, {100 * mistake.probability:.1f} %"
    draw.text((left, top + _SIDE + 2), said, _INK, lettering.font)
    for number, line in enumerate(lettering.lines(mistake.photo.name, _SIDE, _NAME_LINES), start=1):
        draw.text((left, top + _SIDE + 2 + number * _LINE), line, _FAINT, lettering.font)


def _pixels_of(photo: Photo) -> NDArray[np.uint8] | None:
    try:
        return decode_photo(photo, _SIDE)
    except DataError:  # it is another by now, or its bucket is out of reach
        return None


def _title(name: str, mistakes: int, photos: int) -> str:
    shown = f"the {MOST} surest of them" if mistakes > MOST else "the surest first"
    return f"{name}: {mistakes} of {photos} validation photos are taken for the other label; {shown}"
