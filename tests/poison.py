"""Bytes that are sent as images and are none, or hardly are: what becomes of each, and how more are made."""

import io
import random
import struct
import zlib
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, features

from catdog_common.images import UnreadableReason


class Poison(NamedTuple):
    """Bytes, and the reason with which they are refused; None where there is a picture in them."""

    data: bytes
    reason: UnreadableReason | None = None


def encoded(image: Image.Image, file_format: str, **options: Any) -> bytes:  # noqa: ANN401 - Pillow's
    """Return an image file."""
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def some_photo(size: tuple[int, int] = (640, 480)) -> Image.Image:
    """Return smooth colours, always the same, that compress about as well as a photo."""
    colours = np.random.default_rng(1).integers(0, 255, (12, 16, 3), dtype=np.uint8)
    return Image.fromarray(colours).resize(size, Image.Resampling.BICUBIC)


def png(size: tuple[int, int], bits: int, *, rows: int | None = None, extra: bytes = b"") -> bytes:
    """Return a black PNG in grey of so many bits; it may hold fewer rows than it says, or more chunks."""
    width, height = size
    compress = zlib.compressobj(9)
    row = bytes(1 + (width * bits + 7) // 8)
    pixels = b"".join(compress.compress(row) for _ in range(height if rows is None else rows))
    header = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    chunks = png_chunk(b"IHDR", header) + extra + png_chunk(b"IDAT", pixels + compress.flush())
    return b"\x89PNG\r\n\x1a\n" + chunks + png_chunk(b"IEND", b"")


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """Return a chunk of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def jpeg_of_size(size: tuple[int, int]) -> bytes:
    """Return a small JPEG whose header says another size."""
    jpeg = encoded(some_photo((160, 120)), "JPEG")
    at = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:at] + struct.pack(">HH", *reversed(size)) + jpeg[at + 4 :]


def jpeg_of_scans(size: tuple[int, int], scans: int) -> bytes:
    """Return a progressive JPEG whose last scan comes again and again: few bytes each, and all pixels."""
    jpeg = encoded(Image.new("L", size), "JPEG", progressive=True)
    last = jpeg[jpeg.rindex(b"\xff\xc4", 0, jpeg.rindex(b"\xff\xda")) : -2]  # with its Huffman table
    return jpeg[:-2] + scans * last + jpeg[-2:]


def tiff_of_tags(tags: int, size: int) -> bytes:
    """Return a TIFF of one pixel with many tags, which all claim the same large piece of the file."""
    needed = (256, 1), (257, 1), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, 1), (279, 1)
    entries = [struct.pack("<HHII", tag, 4, 1, value) for tag, value in needed]
    entries += [struct.pack("<HHII", 40_000 + number, 7, size, 8) for number in range(tags)]
    directory = struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4)
    return b"II*\0" + struct.pack("<I", 8 + size) + bytes(size) + directory


def _sixteen_bits() -> bytes:
    return encoded(Image.fromarray(np.full((20, 20), 0x8000, np.uint16)), "PNG")


def _transparent_palette() -> bytes:
    clear = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    clear.paste((0, 0, 0, 255), (20, 0, 40, 40))
    return encoded(clear.convert("P"), "PNG")


def _animation(file_format: str) -> bytes:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "green", "blue")]
    return encoded(frames[0], file_format, save_all=True, append_images=frames[1:])


def _turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(some_photo(), "JPEG", exif=exif)


def _pictures() -> dict[str, bytes]:
    photo = some_photo()
    jpeg = encoded(photo, "JPEG")
    text = png_chunk(b"tEXt", b"Comment\0" + bytes(1000))
    return {
        "a CMYK JPEG": encoded(photo.convert("CMYK"), "JPEG"),
        "a progressive JPEG": encoded(photo, "JPEG", progressive=True),
        "a JPEG turned by EXIF": _turned(),
        "a JPEG with broken EXIF": encoded(photo, "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff broken"),
        "a JPEG with a film behind it": jpeg + b"\0\0\0\x18ftypmp42" + bytes(3000) + 200 * b"\xff\xda",
        "a JPEG that is a little larger than it holds": jpeg_of_size((160, 128)),
        "a PNG of 16 bits": _sixteen_bits(),
        "a palette with transparency": _transparent_palette(),
        "a PNG in black and white": png((500, 500), 1),
        "a PNG of fewer rows than it says": png((500, 500), 8, rows=10),
        "a PNG with text": png((50, 50), 8, extra=text),
        "an animated GIF": _animation("GIF"),
        "an animated WebP": _animation("WEBP"),
        "a TIFF in CMYK": encoded(photo.convert("CMYK"), "TIFF", compression="tiff_adobe_deflate"),
        "a TIFF of many tags": tiff_of_tags(tags=300, size=100_000),
        "one pixel": encoded(Image.new("RGB", (1, 1)), "PNG"),
        "1 × 20000": encoded(Image.new("RGB", (1, 20_000)), "PNG"),
        "65500 × 1": encoded(Image.new("RGB", (65_500, 1)), "JPEG"),
    }


def _bombs() -> dict[str, bytes]:
    gif = encoded(some_photo(), "GIF")
    return {
        "a PNG of 30000 × 30000": png((30_000, 30_000), 1),
        "a PNG that says 30000 × 30000": png((30_000, 30_000), 8, rows=10),
        "a PNG that Pillow only warns of": png((12_000, 9_000), 8, rows=10),
        "a JPEG of 65500 × 65500": jpeg_of_size((65_500, 65_500)),
        "a JPEG that Pillow only warns of": jpeg_of_size((12_000, 9_000)),
        "a GIF of 65535 × 65535": gif[:6] + 4 * b"\xff" + gif[10:],
    }


def _damaged() -> dict[str, bytes]:
    jpeg, large = encoded(some_photo(), "JPEG"), zlib.compress(bytes(50_000_000), 9)
    cuts = {
        f"a JPEG's first {cut} bytes": jpeg[:cut] for cut in (10, 100, 700, len(jpeg) // 2, len(jpeg) - 1)
    }
    return cuts | {
        "a PNG cut in half": (whole := encoded(some_photo(), "PNG"))[: len(whole) // 2],
        "a WebP cut in half": (whole := encoded(some_photo(), "WEBP"))[: len(whole) // 2],
        "a PNG with a large colour profile": png((50, 50), 8, extra=png_chunk(b"iCCP", b"x\0\0" + large)),
        "a PNG with a large text": png((50, 50), 8, extra=png_chunk(b"zTXt", b"Comment\0\0" + large)),
    }


def _no_images() -> dict[str, bytes]:
    others = {"a JPEG 2000": "JPEG2000", "an icon": "ICO"} | (
        {"an AVIF": "AVIF"} if features.check("avif") else {}
    )
    return {name: encoded(some_photo((48, 48)), file_format) for name, file_format in others.items()} | {
        "a HEIC": b"\0\0\0\x24ftypheic\0\0\0\0mif1MiHEMiPrmiafheic" + bytes(2000),
        "zeros": bytes(1000),
        "text": b"this is not a cat",
        "a JPEG's first two bytes": b"\xff\xd8",
        "an SVG": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
        "a PDF": b"%PDF-1.7\n1 0 obj <</Type /Catalog>> endobj\n%%EOF\n",
        "an EPS": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\nshowpage\n",
        "HTML": b"<!doctype html><title>413 Request Entity Too Large</title>",
        "a ZIP": b"PK\x05\x06" + bytes(18),
    }


@cache
def poison() -> dict[str, Poison]:
    """Return the set, by name."""
    floats = encoded(Image.new("F", (9, 9)), "TIFF")
    refused = {
        UnreadableReason.TOO_MANY_PIXELS: _bombs(),
        UnreadableReason.TOO_MANY_SCANS: {"a JPEG of 2000 scans": jpeg_of_scans((2_000, 2_000), 2_000)},
        UnreadableReason.DAMAGED: _damaged(),
        UnreadableReason.NOT_AN_IMAGE: _no_images(),
        UnreadableReason.UNSUPPORTED_PIXELS: {"floating point": floats},
        UnreadableReason.EMPTY: {"no bytes": b""},
    }
    pictures = {name: Poison(data) for name, data in _pictures().items()}
    return pictures | {
        name: Poison(data, reason) for reason, group in refused.items() for name, data in group.items()
    }


def originals() -> dict[str, bytes]:
    """Return a good picture in each of the formats that are mutated."""
    return {name: encoded(some_photo(), name) for name in ("JPEG", "PNG", "GIF", "WEBP")}


def mutated(count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Give so many damaged pictures, always the same of a seed, each with the name of its format."""
    draw, good = random.Random(seed), originals()  # noqa: S311 - to be repeated, not to be secret
    for number in range(count):
        name = list(good)[number % len(good)]
        mutate = (_flip_bits, _cut, _splice, _repeat)[number // len(good) % 4]
        yield name, mutate(draw, good[name], draw.choice(list(good.values())))


def _flip_bits(draw: random.Random, data: bytes, _: bytes) -> bytes:
    flipped = bytearray(data)
    reach = draw.choice((64, 1000, len(data)))  # headers are the most fragile
    for _number in range(draw.randint(1, 12)):
        flipped[draw.randrange(min(reach, len(data)))] ^= 1 << draw.randrange(8)
    return bytes(flipped)


def _cut(draw: random.Random, data: bytes, _: bytes) -> bytes:
    begin = draw.choice((0, 0, draw.randrange(len(data))))
    end = draw.randrange(begin, len(data))
    return data[:begin] + data[end:] if draw.random() < 0.5 else data[begin:end]


def _splice(draw: random.Random, data: bytes, other: bytes) -> bytes:
    return data[: draw.randrange(len(data))] + other[draw.randrange(len(other)) :]


def _repeat(draw: random.Random, data: bytes, _: bytes) -> bytes:
    begin = draw.randrange(len(data))
    piece = data[begin : begin + draw.randint(1, 4000)]
    return data[:begin] + piece * draw.randint(2, 20) + data[begin + len(piece) :]
