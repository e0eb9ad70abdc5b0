from pathlib import Path

import matplotlib as mpl
import pytest
from PIL import Image

from catdog_trainer.data.drawings import write_drawings

# Any font shows how drawings are made; the emoji font is where the image is built.
ANY_FONT = Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"


def test_the_same_seed_draws_the_same_pictures_and_another_others(tmp_path: Path) -> None:
    for folder, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_drawings(tmp_path / folder, per_class=3, seed=seed, font=ANY_FONT)
    a, b, c = (
        {
            path.relative_to(tmp_path / folder): path.read_bytes()
            for path in (tmp_path / folder).rglob("*.jpg")
        }
        for folder in "abc"
    )
    assert len(a) == 6
    assert a == b
    assert not set(a.values()) & set(c.values())


def test_drawings_are_photos_by_label_that_differ_in_size(tmp_path: Path) -> None:
    write_drawings(tmp_path, per_class=4, seed=1, font=ANY_FONT)
    sizes = set()
    for label in ("cat", "dog"):
        for path in sorted((tmp_path / label).iterdir()):
            with Image.open(path) as image:
                assert (image.format, image.mode) == ("JPEG", "RGB")
                sizes.add(image.size)
    assert len(sizes) == 8


def test_without_the_font_the_package_that_brings_it_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="install Debian's fonts-noto-color-emoji"):
        write_drawings(tmp_path, per_class=1, seed=1, font=tmp_path / "no.ttf")
