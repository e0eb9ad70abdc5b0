"""Takes a photo that a form sends: into memory alone, and no more of it than a model accepts."""

import asyncio
from collections.abc import AsyncGenerator

import msgspec
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

FORM_BYTES = 16 * 1024  # what a form has beside the photo
TOO_LARGE, TOO_SLOW, BAD_REQUEST = 413, 408, 400
PATIENCE_SECONDS = 60.0  # with a photo that comes slowly

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
        HTTPException: it is too large or too slow, or there is none; the message says what to do.
    """
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise HTTPException(BAD_REQUEST, "Send the photo as a form does: multipart/form-data.")
    if announced(request, most) > most + FORM_BYTES:
        raise _too_large(most)
    parser = _InMemoryParser(
        request.headers, _bounded(request, most), max_files=3, max_fields=4, max_part_size=1024
    )
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            form = await parser.parse()
    except MultiPartException as error:
        raise HTTPException(BAD_REQUEST, f"The form can't be read: {error.message}") from error
    except TimeoutError as error:
        words = f"The photo did not come within {PATIENCE_SECONDS:.0f} seconds: try again."
        raise HTTPException(TOO_SLOW, words) from error
    except ClientDisconnect as error:  # which nobody is told: the page was closed, and that is no crash
        raise HTTPException(BAD_REQUEST, "The photo did not come whole: send it again.") from error
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


def announced(request: Request, most: int) -> int:
    """Return how many bytes a request says that it has; where it does not say, as many as it may have."""
    length = request.headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdecimal() else most + FORM_BYTES


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
