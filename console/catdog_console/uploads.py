"""Takes a photo that a form sends: into memory alone, and no more of it than a model accepts."""

from collections.abc import AsyncGenerator

import msgspec
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

FORM_BYTES = 16 * 1024  # what a form has beside the photo
TOO_LARGE, BAD_REQUEST = 413, 400

PHOTO, BESIDE = "photo", "beside"  # names of the form's fields


class Upload(msgspec.Struct, frozen=True):
    """A photo, and the version whose answer is wanted beside the one that serves."""

    photo: bytes
    beside: int | None = None


class _InMemoryParser(MultiPartParser):
    """A parser that never writes to the disk; it is given no more bytes than it may keep."""

    spool_max_size = 1 << 40


async def read_upload(request: Request, most: int) -> Upload:
    """Return the photo of a form; `most` bytes of it at most.

    Raises:
        HTTPException: it is too large, there is none, or it is no such form; the message says what to do.
    """
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise HTTPException(BAD_REQUEST, "Send the photo as a form does: multipart/form-data.")
    length = request.headers.get("content-length")
    if length is not None and length.isdecimal() and int(length) > most + FORM_BYTES:
        raise _too_large(most)
    parser = _InMemoryParser(
        request.headers, _bounded(request, most), max_files=3, max_fields=4, max_part_size=1024
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise HTTPException(BAD_REQUEST, f"The form can't be read: {error.message}") from error
    try:
        photos = [await each.read() for each in form.getlist(PHOTO) if isinstance(each, UploadFile)]
    finally:
        await form.close()
    photo = next(filter(None, photos), None)
    if photo is None:
        raise HTTPException(BAD_REQUEST, "There is no photo in the form: choose one, or take one.")
    if len(photo) > most:
        raise _too_large(most)
    return Upload(photo, _number(form.get(BESIDE)))


async def _bounded(request: Request, most: int) -> AsyncGenerator[bytes, None]:
    count = 0
    async for chunk in request.stream():
        count += len(chunk)
        if count > most + FORM_BYTES:
            raise _too_large(most)
        yield chunk


def _number(value: object) -> int | None:
    if value in (None, ""):
        return None
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 10:
        return int(value)
    raise HTTPException(BAD_REQUEST, "A version is a number.")


def _too_large(most: int) -> HTTPException:
    return HTTPException(
        TOO_LARGE, f"The photo has more than the {most} bytes that the model takes: make it smaller."
    )
