import io
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from catdog_trainer.contact_sheet import MOST, draw_contact_sheet, find_mistakes
from catdog_trainer.data import DataError
from catdog_trainer.measure import Answer
from tests.unit.trainer.builders import BLUE, RED, photo, picture


def answer(number: int, label: str, dog: float, content: bytes | None = None, name: str = "") -> Answer:
    """Return what was said of a photo of `label`: that it shows a dog with probability `dog`."""
    asked = photo(number, label, "validation", content)
    asked = replace(asked, name=name or asked.name)
    return Answer(asked, np.array([1 - dog, dog], np.float32), is_unknown=False, champion_is_right=None)


def colour_at(sheet: Path, number: int) -> tuple[int, int, int]:
    """Return the colour in the middle of the sheet's picture of that number, in the first row."""
    with Image.open(sheet) as image:
        red, green, blue = image.convert("RGB").getpixel((108 + 204 * number, 150))  # type: ignore[misc]
        return red, green, blue


def is_near(colour: tuple[int, int, int], other: tuple[int, int, int]) -> bool:
    return all(abs(one - two) < 25 for one, two in zip(colour, other, strict=True))


def test_the_surest_mistakes_come_first_and_what_is_right_not_at_all() -> None:
    answers = [answer(1, "cat", 0.6), answer(2, "cat", 0.1), answer(3, "dog", 0.02), answer(4, "dog", 0.9)]
    mistakes = find_mistakes(answers)
    assert [(m.photo.name, m.answer) for m in mistakes] == [
        ("validation/dog/3.png", "cat"),
        ("validation/cat/1.png", "dog"),
    ]
    assert [m.probability for m in mistakes] == pytest.approx([0.98, 0.6])


def test_the_sheet_shows_the_photos_in_that_order(tmp_path: Path) -> None:
    answers = [answer(1, "cat", 0.6, picture(1, RED)), answer(2, "dog", 0.1, picture(2, BLUE))]
    sheet = tmp_path / "sheet.jpg"
    assert draw_contact_sheet(answers, "pets", sheet) == 2
    assert is_near(colour_at(sheet, 0), BLUE)
    assert is_near(colour_at(sheet, 1), RED)
    assert is_near(colour_at(sheet, 2), (255, 255, 255))


def test_where_nothing_is_wrong_there_is_no_sheet(tmp_path: Path) -> None:
    assert draw_contact_sheet([answer(1, "cat", 0.4)], "pets", tmp_path / "sheet.jpg") == 0
    assert list(tmp_path.iterdir()) == []


def test_of_many_mistakes_thirty_are_shown_in_less_than_half_a_megabyte(tmp_path: Path) -> None:
    noise = np.random.default_rng(1)
    answers = [
        answer(n, "cat", 0.5 + n / 100, jpeg(noise.integers(0, 255, (40, 40, 3)))) for n in range(1, 41)
    ]
    reads: list[str] = []

    def read(each: Answer) -> bytes:
        reads.append(each.photo.name)
        return each.photo.read()

    counted = [replace(each, photo=replace(each.photo, read=partial(read, each))) for each in answers]
    sheet = tmp_path / "sheet.jpg"
    assert draw_contact_sheet(counted, "pets", sheet) == MOST == 30
    assert reads == [f"validation/cat/{n}.png" for n in range(40, 10, -1)]
    assert sheet.stat().st_size < 500_000
    with Image.open(sheet) as image:
        assert (image.format, image.size) == ("JPEG", (1236, 1338))


def test_no_place_comes_along_from_the_photos(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8825)[1] = "N"
    exif[0x010E] = "at our summer house"
    content = jpeg(np.full((40, 40, 3), 99), exif)
    assert b"summer house" in content
    sheet = tmp_path / "sheet.jpg"
    draw_contact_sheet([answer(1, "cat", 0.9, content)], "pets", sheet)
    assert b"summer house" not in sheet.read_bytes()
    with Image.open(sheet) as image:
        assert dict(image.getexif()) == {}


def changed() -> bytes:
    """Read what is another by now."""
    raise DataError("DataChanged", "it is another")


@pytest.mark.parametrize("read", [Path("gone.png").read_bytes, changed])
def test_a_photo_that_is_gone_leaves_a_grey_square(tmp_path: Path, read: Callable[[], bytes]) -> None:
    gone = answer(1, "cat", 0.9)
    gone = replace(gone, photo=replace(gone.photo, read=read))
    sheet = tmp_path / "sheet.jpg"
    assert draw_contact_sheet([gone, answer(2, "cat", 0.8, picture(2, RED))], "pets", sheet) == 2
    assert is_near(colour_at(sheet, 0), (230, 230, 230))
    assert is_near(colour_at(sheet, 1), RED)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_any_name_can_be_written_under_a_photo(tmp_path: Path, name: str) -> None:
    assert draw_contact_sheet([answer(1, "cat", 0.9, name=name)], "pets", tmp_path / "sheet.jpg") == 1


@pytest.mark.parametrize("name", ["猫🐈\n.png", "قطة\u202e.jpg", "कुत्ता.jpg", "x" * 5000, "W" * 5000])
def test_these_names_too(tmp_path: Path, name: str) -> None:
    assert draw_contact_sheet([answer(1, "cat", 0.9, name=name)], "pets", tmp_path / "sheet.jpg") == 1


def jpeg(pixels: NDArray[np.int64], exif: Image.Exif | None = None) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(file, "JPEG", exif=exif or Image.Exif())
    return file.getvalue()
