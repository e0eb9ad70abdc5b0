import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from catdog_common.artifact import Resampling
from catdog_common.images import UnreadableImageError, UnreadableReason, decode_image, shrink_image

SIZE = 32
RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def decode(data: bytes) -> NDArray[np.uint8]:
    """Decode by each resampling, which have to show nearly the same; return what the newest shows."""
    older, newer = (decode_image(data, SIZE, each) for each in Resampling)
    assert np.abs(older.astype(int) - newer).mean() < 8
    return newer


def encoded(image: Image.Image, file_format: str, **options: Any) -> bytes:  # noqa: ANN401
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def two_halves(mode: str = "RGB", size: tuple[int, int] = (80, 60)) -> Image.Image:
    """Return a picture whose left half is red and whose right half is blue."""
    image = Image.new("RGB", size, RED)
    image.paste(BLUE, (size[0] // 2, 0, *size))
    return image.convert(mode)


def colours(data: bytes, *points: tuple[int, int]) -> list[tuple[int, ...]]:
    """Return the colours of the decoded square at some points (x, y)."""
    square = decode(data)
    return [tuple(square[y, x].tolist()) for x, y in points]


def near(colour: tuple[int, ...], wanted: tuple[int, int, int], tolerance: int = 8) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(colour, wanted, strict=True))


LEFT, RIGHT, TOP, BOTTOM = (4, 16), (27, 16), (16, 4), (16, 27)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF"])
def test_every_format_gives_the_square_in_rgb(file_format: str) -> None:
    data = encoded(two_halves(), file_format)
    square = decode(data)
    assert square.dtype == np.uint8
    assert square.shape == (SIZE, SIZE, 3)
    left, right = colours(data, LEFT, RIGHT)
    assert near(left, RED)
    assert near(right, BLUE)


def test_a_large_jpeg_is_scaled_while_it_is_decoded_and_looks_the_same() -> None:
    random = np.random.default_rng(1)
    smooth = Image.fromarray(random.integers(0, 255, (8, 8, 3), dtype=np.uint8)).resize((1600, 1200))
    data = encoded(smooth, "JPEG", quality=95)
    with Image.open(io.BytesIO(data)) as whole:
        wanted = np.asarray(whole.resize((SIZE, SIZE), Image.Resampling.BICUBIC), dtype=int)
    for resampling, off in ((Resampling.BICUBIC, 1), (Resampling.HAMMING, 4)):
        assert np.abs(decode_image(data, SIZE, resampling).astype(int) - wanted).mean() < off


def photo_like(width: int, height: int) -> Image.Image:
    """Return a picture with edges and noise in it."""
    random = np.random.default_rng(5)
    coarse = random.integers(0, 255, (height // 8, width // 8, 3), dtype=np.uint8)
    fine = random.integers(0, 40, (height // 8 * 8, width // 8 * 8, 3), dtype=np.uint8)
    return Image.fromarray(np.kron(coarse // 2, np.ones((8, 8, 1), np.uint8)) + fine)


@pytest.mark.parametrize("sides", [(40, 32), (120, 80), (400, 304)])
def test_versions_are_tied_to_their_resampling_so_each_stays_as_it_was(sides: tuple[int, int]) -> None:
    """What Pillow is asked for is written out here once more: whoever changes it makes another resampling."""
    image = photo_like(*sides)
    data, square, by = encoded(image, "PNG"), (SIZE, SIZE), Image.Resampling
    bicubic = np.asarray(image.resize(square, by.BICUBIC, reducing_gap=3.0))
    assert np.array_equal(decode_image(data, SIZE, Resampling.BICUBIC), bicubic)
    hamming = np.asarray(image.resize(square, by.HAMMING, reducing_gap=1.0))
    assert np.array_equal(decode_image(data, SIZE, Resampling.HAMMING), hamming)
    assert not np.array_equal(bicubic, hamming)


def test_an_image_smaller_than_the_square_is_enlarged() -> None:
    assert near(colours(encoded(two_halves(size=(2, 2)), "PNG"), (0, 0))[0], RED)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_pixels_are_white(mode: str) -> None:
    image = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    image.paste((0, 0, 0, 255), (20, 0, 40, 40))
    left, right = colours(encoded(image.convert(mode), "PNG"), LEFT, RIGHT)
    assert near(left, WHITE)
    assert near(right, (0, 0, 0))


def test_a_png_with_one_transparent_colour_is_flattened_on_white() -> None:
    left, right = colours(encoded(two_halves(), "PNG", transparency=RED), LEFT, RIGHT)
    assert near(left, WHITE)
    assert near(right, BLUE)


def test_of_an_animation_the_first_frame_counts() -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in (RED, GREEN, BLUE)]
    for file_format in ("GIF", "WEBP", "PNG"):
        data = encoded(frames[0], file_format, save_all=True, append_images=frames[1:])
        assert near(colours(data, LEFT)[0], RED), file_format


def test_a_cmyk_jpeg_keeps_its_colours() -> None:
    left, right = colours(encoded(two_halves("CMYK"), "JPEG"), LEFT, RIGHT)
    assert near(left, RED)
    assert near(right, BLUE)


def test_sixteen_bits_of_grey_are_scaled_and_not_clipped() -> None:
    grey = Image.fromarray(np.full((20, 20), 0x8000, np.uint16))
    for file_format in ("PNG", "TIFF"):
        assert near(colours(encoded(grey, file_format), LEFT)[0], (128, 128, 128)), file_format


def test_black_and_white_and_grey_are_converted() -> None:
    for mode in ("1", "L"):
        assert near(
            colours(encoded(Image.new(mode, (9, 9), 1 if mode == "1" else 255), "PNG"), LEFT)[0], WHITE
        )


@pytest.mark.parametrize(
    ("orientation", "red_is_at"),
    [(1, LEFT), (2, RIGHT), (3, RIGHT), (4, LEFT), (5, TOP), (6, TOP), (7, BOTTOM), (8, BOTTOM)],
)
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_the_picture_is_turned_upright(
    file_format: str, orientation: int, red_is_at: tuple[int, int]
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert near(colours(encoded(two_halves(), file_format, exif=exif), red_is_at)[0], RED)


@pytest.mark.filterwarnings("ignore")  # Pillow warns of them
def test_broken_exif_data_do_no_harm() -> None:
    data = encoded(two_halves(), "JPEG", exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff garbage")
    assert near(colours(data, LEFT)[0], RED)


def png_header(width: int, height: int) -> bytes:
    """Return a PNG that promises many pixels and holds next to none."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


UNREADABLE = {
    "no bytes": (b"", UnreadableReason.EMPTY),
    "text": (b"this is not a cat", UnreadableReason.NOT_AN_IMAGE),
    "zeros": (bytes(1000), UnreadableReason.NOT_AN_IMAGE),
    "a truncated JPEG": (encoded(two_halves(), "JPEG")[:500], UnreadableReason.DAMAGED),
    "a truncated PNG": (encoded(two_halves(), "PNG")[:60], UnreadableReason.DAMAGED),
    "a JPEG's first bytes": (b"\xff\xd8\xff\xe0" + bytes(20), UnreadableReason.NOT_AN_IMAGE),
    "a bomb": (png_header(30_000, 30_000), UnreadableReason.TOO_MANY_PIXELS),
    "a bomb that Pillow only warns of": (png_header(10_000, 10_000), UnreadableReason.TOO_MANY_PIXELS),
    "a bomb that Pillow lets pass": (png_header(8_200, 8_200), UnreadableReason.TOO_MANY_PIXELS),
    "floating point": (encoded(Image.new("F", (9, 9)), "TIFF"), UnreadableReason.UNSUPPORTED_PIXELS),
}


@pytest.mark.parametrize("resampling", Resampling)
@pytest.mark.parametrize("case", UNREADABLE)
def test_what_cannot_be_decoded_says_why(case: str, resampling: Resampling) -> None:
    data, reason = UNREADABLE[case]
    with pytest.raises(UnreadableImageError) as caught:
        decode_image(data, SIZE, resampling)
    assert caught.value.reason == reason
    assert str(caught.value)


@pytest.mark.filterwarnings("ignore")  # Pillow warns of what it can still decode
def test_mutated_images_are_decoded_or_refused_and_nothing_else() -> None:
    random = np.random.default_rng(2)
    originals = [encoded(two_halves(), kind) for kind in ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF")]
    for number in range(600):
        data = bytearray(originals[number % len(originals)])
        for place in random.integers(0, len(data), 1 + number % 5):
            data[place] = random.integers(0, 256)
        resampling = list(Resampling)[number // len(originals) % 2]
        try:
            assert decode_image(bytes(data), SIZE, resampling).shape == (SIZE, SIZE, 3)
        except UnreadableImageError as error:
            assert isinstance(error.reason, UnreadableReason)  # noqa: PT017


def shrunk(data: bytes, side: int = 40, **options: int) -> Image.Image:
    with Image.open(io.BytesIO(shrink_image(data, side, **options))) as image:
        image.load()
        return image


@pytest.mark.parametrize(
    ("size", "wanted"),
    [((80, 60), (40, 30)), ((30, 90), (13, 40)), ((20, 10), (20, 10)), ((900, 1), (40, 1))],
)
def test_a_picture_is_shrunk_to_fit_in_its_shape_and_never_enlarged(
    size: tuple[int, int], wanted: tuple[int, int]
) -> None:
    image = shrunk(encoded(two_halves(size=size), "PNG"))
    assert (image.format, image.size) == ("JPEG", wanted)


def test_a_shrunk_picture_is_upright_and_on_white() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    turned = shrunk(encoded(two_halves(), "JPEG", exif=exif))
    assert turned.size == (30, 40)
    assert near(pixel(turned, 15, 5), RED, 40)
    clear = shrunk(encoded(Image.new("RGBA", (80, 60)), "PNG"))
    assert near(pixel(clear, 20, 15), WHITE)


def pixel(image: Image.Image, x: int, y: int) -> tuple[int, ...]:
    return tuple(np.asarray(image)[y, x].tolist())


def test_a_shrunk_picture_says_nothing_of_its_photographer() -> None:
    exif = Image.Exif()
    exif[0x013B] = "somebody's name"
    data = encoded(two_halves(), "JPEG", exif=exif, comment=b"at home", icc_profile=b"profile" * 50)
    small = shrink_image(data, 40)
    assert not any(each in small for each in (b"somebody", b"at home", b"profile"))


def test_a_picture_that_takes_more_memory_than_it_may_is_not_shrunk() -> None:
    data = encoded(two_halves(), "PNG")
    assert shrunk(data, held_pixels=80 * 60).size == (40, 30)
    with pytest.raises(UnreadableImageError) as caught:
        shrink_image(data, 40, held_pixels=80 * 60 - 1)
    assert caught.value.reason is UnreadableReason.TOO_MANY_PIXELS
    assert str(caught.value) == "it takes 4800 pixels in memory to decode, more than 4799"


def test_of_a_jpeg_only_what_it_is_scaled_to_is_held_unless_it_comes_in_scans() -> None:
    halves = two_halves(size=(800, 600))
    assert shrunk(encoded(halves, "JPEG"), held_pixels=100 * 75).size == (40, 30)
    with pytest.raises(UnreadableImageError, match="it takes 7500 pixels"):
        shrink_image(encoded(halves, "JPEG"), 40, held_pixels=100 * 75 - 1)
    with pytest.raises(UnreadableImageError, match="it takes 480000 pixels"):
        shrink_image(encoded(halves, "JPEG", progressive=True), 40, held_pixels=100 * 75)
