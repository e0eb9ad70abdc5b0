"""Draws pictures of cats and dogs from an emoji font, for where there are no photos.

    python3 -m catdog_trainer.data.drawings DIRECTORY [--per-class 60] [--seed 1]

The font is Noto Color Emoji (SIL Open Font License 1.1), Debian's package fonts-noto-color-emoji.
"""

import argparse
import random
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

FONT = Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")

_EMOJI = {"cat": "🐱🐈😺😸😹😻😼😽🙀😿😾", "dog": "🐶🐕🦮🐩"}
_FONT_SIZE = 109  # the one size that the font's bitmaps have
_GLYPH = 136  # pixels of such a bitmap, roughly


def write_drawings(directory: Path, per_class: int, seed: int, font: Path = FONT) -> None:
    """Write `per_class` JPEG files to `directory`/cat and as many to `directory`/dog; a seed gives the same.

    Raises:
        FileNotFoundError: the font is not there; the message names the package that brings it.
    """
    if not font.is_file():
        raise FileNotFoundError(f"there is no {font}: install Debian's fonts-noto-color-emoji")
    emoji_font = ImageFont.truetype(str(font), _FONT_SIZE)
    for label, emoji in _EMOJI.items():
        (directory / label).mkdir(parents=True, exist_ok=True)
        for number in range(per_class):
            chance = random.Random(f"{seed} {label} {number}")  # noqa: S311 - repeatable, no secret
            drawing = _draw(emoji[number % len(emoji)], emoji_font, chance)
            path = directory / label / f"{label}-{number:03}.jpg"
            drawing.save(path, quality=chance.randint(55, 95))


def _draw(emoji: str, font: ImageFont.FreeTypeFont, chance: random.Random) -> Image.Image:
    """Return one emoji, turned and tinted, on a background that tells nothing of the label."""
    width, height = chance.randint(240, 420), chance.randint(240, 420)
    picture = _background(width, height, chance)
    glyph = _turned(_glyph(emoji, font), chance, int(min(width, height) * chance.uniform(0.45, 0.95)))
    left = chance.randint(min(0, width - glyph.width), max(0, width - glyph.width))
    top = chance.randint(min(0, height - glyph.height), max(0, height - glyph.height))
    picture.paste(glyph, (left, top), glyph)
    if chance.random() < 0.3:
        picture = picture.filter(ImageFilter.GaussianBlur(chance.uniform(0.3, 1.5)))
    return _noisy(picture, chance)


def _glyph(emoji: str, font: ImageFont.FreeTypeFont) -> Image.Image:
    glyph = Image.new("RGBA", (_GLYPH + 24, _GLYPH + 24))
    ImageDraw.Draw(glyph).text((8, 8), emoji, font=font, embedded_color=True)
    return glyph.crop(glyph.getbbox())


def _turned(glyph: Image.Image, chance: random.Random, size: int) -> Image.Image:
    if chance.random() < 0.5:
        glyph = glyph.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    scale = size / max(glyph.size)
    glyph = glyph.resize((round(glyph.width * scale), round(glyph.height * scale)), Image.Resampling.BICUBIC)
    return glyph.rotate(chance.gauss(0, 15), Image.Resampling.BICUBIC, expand=True)


def _background(width: int, height: int, chance: random.Random) -> Image.Image:
    """Return a gradient between two colours, in any direction, with a few soft shapes on it."""
    start, end = (np.array([chance.randint(0, 255) for _ in range(3)]) for _ in range(2))
    across, down = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    share = chance.random()
    blend = (share * across + (1 - share) * down)[..., np.newaxis]
    picture = Image.fromarray((start + (end - start) * blend).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    for _ in range(chance.randint(0, 6)):
        x, y, radius = chance.randint(0, width), chance.randint(0, height), chance.randint(8, 70)
        colour = tuple(chance.randint(0, 255) for _ in range(3))
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    return picture.filter(ImageFilter.GaussianBlur(chance.uniform(2, 8)))


def _noisy(picture: Image.Image, chance: random.Random) -> Image.Image:
    noise = np.random.default_rng(chance.getrandbits(32)).normal(
        0, chance.uniform(0, 12), (picture.height, picture.width, 3)
    )
    return Image.fromarray(np.clip(np.asarray(picture) + noise, 0, 255).astype(np.uint8))


def main() -> None:
    """Write drawings to the directory that the command line names."""
    parser = argparse.ArgumentParser(description="Draws pictures of cats and dogs from an emoji font.")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--per-class", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    write_drawings(arguments.directory, arguments.per_class, arguments.seed)


if __name__ == "__main__":
    main()
