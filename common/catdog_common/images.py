"""Turns the bytes of an image file into the square that a network takes, or says why it can't."""

import io
import re
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from catdog_common.artifact import Resampling

# Named one by one, so that Pillow does not load its forty other formats when it meets bytes of none of these.
_PLUGINS = (
    JpegImagePlugin,
    PngImagePlugin,
    GifImagePlugin,
    BmpImagePlugin,
    WebPImagePlugin,
    TiffImagePlugin,
)
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF")

# More than a 50-megapixel camera makes, and below the size at which Pillow itself warns. Measured: such an
# image takes up to 8 bytes a pixel while it is decoded and resized (512 MiB), a WEBP up to 16. Whatever
# threads decode at a time takes no more together than one such image.
MAX_PIXELS = 64 * 1024 * 1024

# Each scan of a progressive JPEG passes over all pixels, be it by a few bytes: without a limit a file of a
# megabyte takes a processor for minutes. Encoders make some ten scans; this allows 16 of the largest image.
MAX_SCANNED_PIXELS = 16 * MAX_PIXELS

Size = tuple[int, int]  # width and height, in pixels

_SHRUNK_QUALITY = 80  # of libjpeg's hundred

# The filter, and down to how many times the size wanted a picture is first shrunk by whole factors, which is
# several times faster (Pillow's documentation of `reducing_gap`). Versions are tied to what they learnt from:
# what is here for one resampling stays as it is. Hamming's filter is half as wide as the bicubic one; by it
# as many photos are right, for two thirds of the resize's time (docs/training-figures.md).
_FILTERS = {
    Resampling.BICUBIC: (Image.Resampling.BICUBIC, 3.0),
    Resampling.HAMMING: (Image.Resampling.HAMMING, 1.0),
}

# Markers of a JPEG (ITU T.81, annex B): what follows 0xff, but for stuffed zeros, restarts and fill bytes.
_MARKER = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])")
_START_OF_SCAN, _END_OF_IMAGE, _START_OF_IMAGE = b"\xda", b"\xd9", b"\xd8"

_ORIENTATION = 0x0112  # the EXIF tag
_TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# What Pillow remarks of files that it reads nevertheless helps nobody, and one file may hold thousands of it.
warnings.filterwarnings("ignore", module=r"PIL\.")


class UnreadableReason(StrEnum):
    """Why the bytes are no image to us; the values go into dead letters, metrics and reports."""

    EMPTY = "Empty"
    NOT_AN_IMAGE = "NotAnImage"
    TOO_MANY_PIXELS = "TooManyPixels"
    TOO_MANY_SCANS = "TooManyScans"
    DAMAGED = "Damaged"
    UNSUPPORTED_PIXELS = "UnsupportedPixels"


class UnreadableImageError(Exception):
    """The bytes will never be an image to us, however often they are tried."""

    def __init__(self, reason: UnreadableReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class _PixelBudget:
    """Lets threads decode side by side for as long as their images fit into memory together."""

    def __init__(self, pixels: int) -> None:
        self._free = pixels
        self._changed = threading.Condition()

    @contextmanager
    def taken(self, pixels: int) -> Iterator[None]:
        """Wait for so many pixels, and hold them while the context lasts."""
        with self._changed:
            self._changed.wait_for(lambda: self._free >= pixels)
            self._free -= pixels
        try:
            yield
        finally:
            with self._changed:
                self._free += pixels
                self._changed.notify_all()


_BUDGET = _PixelBudget(MAX_PIXELS)


def decode_image(
    data: bytes, size: int, resampling: Resampling, held_pixels: int = MAX_PIXELS
) -> NDArray[np.uint8]:
    """Return the picture in an image file (of an animation: its first frame), squashed to a square.

    Upright by its EXIF orientation, transparency on white; uint8 [size, size, 3], RGB. Where more than
    `held_pixels` would have to be in memory, of 8 bytes each, it is not decoded.

    Raises:
        UnreadableImageError: these bytes are no image that can be decoded.
    """
    return np.array(_decode(data, lambda _: (size, size), held_pixels, resampling), dtype=np.uint8)


def shrink_image(data: bytes, side: int, held_pixels: int = MAX_PIXELS) -> bytes:
    """Return the picture in an image file, decoded as above but not squashed, as a JPEG.

    Its longer side has `side` pixels at most; none of the file's comments and profiles is in it.

    Raises:
        UnreadableImageError: these bytes are no image that can be decoded.
    """
    pixels = np.array(_decode(data, partial(_fit, side), held_pixels, Resampling.BICUBIC), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=_SHRUNK_QUALITY)
    return file.getvalue()


def _decode(
    data: bytes, wanted: Callable[[Image.Image], Size], held_pixels: int, resampling: Resampling
) -> Image.Image:
    """Return the picture in RGB, of the size that is wanted of it, and then turned upright."""
    try:
        with _open(data) as image:
            pixels = _weighed(image)
            _refuse_too_many_scans(image, data)
            with _BUDGET.taken(pixels):
                size = wanted(image)
                image.draft(None, size)  # JPEG: scales while decoding, never below this size
                _refuse_too_many_held(image, pixels, held_pixels)
                image.load()
                resized = _rgb(image, size, resampling)
            return _upright(resized, image)
    except UnreadableImageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UnreadableImageError(UnreadableReason.TOO_MANY_PIXELS, str(error)) from error
    except Exception as error:  # on broken bytes Pillow's decoders raise nearly anything
        message = f"the image can't be decoded: {error or type(error).__name__}"
        raise UnreadableImageError(UnreadableReason.DAMAGED, message) from error


def _fit(side: int, image: Image.Image) -> Size:
    """Return the size of an image that is shrunk so that its longer side fits."""
    longer = max(image.size)
    if longer <= side:
        return image.size
    return max(1, round(image.width * side / longer)), max(1, round(image.height * side / longer))


def _open(data: bytes) -> Image.Image:
    """Return the image with its header read and its pixels still encoded."""
    if not data:
        raise UnreadableImageError(UnreadableReason.EMPTY, "there are no bytes")
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError as error:
        message = f"these {len(data)} bytes are none of {', '.join(FORMATS)}"
        raise UnreadableImageError(UnreadableReason.NOT_AN_IMAGE, message) from error


def _weighed(image: Image.Image) -> int:
    """Return how many pixels of 8 bytes the image takes to decode; refuse what takes more than any photo."""
    factor = 2 if image.format == "WEBP" else 1
    if factor * image.width * image.height > MAX_PIXELS:
        message = f"{image.width} × {image.height} pixels are more than {MAX_PIXELS // factor}"
        raise UnreadableImageError(UnreadableReason.TOO_MANY_PIXELS, message)
    return factor * image.width * image.height


def _refuse_too_many_held(image: Image.Image, pixels: int, most: int) -> None:
    """Refuse what takes more memory than it may: of a JPEG in one scan only what it is scaled to is held."""
    is_scaled = image.format == "JPEG" and not image.info.get("progressive")
    held = image.width * image.height if is_scaled else pixels
    if held > most:
        message = f"it takes {held} pixels in memory to decode, more than {most}"
        raise UnreadableImageError(UnreadableReason.TOO_MANY_PIXELS, message)


def _refuse_too_many_scans(image: Image.Image, data: bytes) -> None:
    if not image.info.get("progressive"):
        return
    most = MAX_SCANNED_PIXELS // (image.width * image.height)
    # What is counted first and fast may lie in a preview inside, or in a film behind the picture.
    if data.count(b"\xff" + _START_OF_SCAN) > most and (scans := _count_scans(data)) > most:
        message = f"{scans} scans of {image.width} × {image.height} pixels are more than {most}"
        raise UnreadableImageError(UnreadableReason.TOO_MANY_SCANS, message)


def _count_scans(data: bytes) -> int:
    """Return how many scans the first image in a JPEG file has."""
    scans, position = 0, 0
    while (found := _MARKER.search(data, position)) is not None:
        marker, position = found.group(1), found.end()
        if marker == _END_OF_IMAGE:
            break
        scans += marker == _START_OF_SCAN
        if marker != _START_OF_IMAGE:
            position += int.from_bytes(data[position : position + 2])  # the segment's length
    return scans


def _rgb(image: Image.Image, size: Size, resampling: Resampling) -> Image.Image:
    image = _eight_bits(image)
    if not image.has_transparency_data:
        return _resize(image if image.mode == "RGB" else image.convert("RGB"), size, resampling)
    resized = _resize(image if image.mode == "RGBA" else image.convert("RGBA"), size, resampling)
    white = Image.new("RGB", resized.size, "white")
    white.paste(resized, mask=resized.getchannel("A"))
    return white


def _resize(image: Image.Image, size: Size, resampling: Resampling) -> Image.Image:
    by, reducing_gap = _FILTERS[resampling]
    return image.resize(size, by, reducing_gap=reducing_gap)


def _eight_bits(image: Image.Image) -> Image.Image:
    """Scale 16-bit grey to 8 bits: Pillow's own conversion would clip it to white."""
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in {"I", "F", "LAB"}:  # their range is nowhere written, or Pillow has no conversion
        message = f"pixels of mode {image.mode} are not supported"
        raise UnreadableImageError(UnreadableReason.UNSUPPORTED_PIXELS, message)
    return image


def _upright(resized: Image.Image, image: Image.Image) -> Image.Image:
    """Turn what was resized as the EXIF data say; asked after decoding, as some formats then have done it."""
    try:
        orientation = image.getexif().get(_ORIENTATION)
    except Exception:  # noqa: BLE001  broken EXIF data raise nearly anything, and leave a good picture
        return resized
    transposition = _TRANSPOSITIONS.get(orientation) if isinstance(orientation, int) else None
    return resized.transpose(transposition) if transposition is not None else resized
