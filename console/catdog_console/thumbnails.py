"""Small pictures of images that came through Kafka, kept in memory while they may be shown."""

import asyncio
from collections import OrderedDict

from catdog_common.images import UnreadableImageError, shrink_image

SIDE = 96  # pixels, of the longer side
# To decode so many takes up to 128 MiB; of an image that takes more there is no picture. A JPEG hardly does,
# as it is scaled while it is decoded.
HELD_PIXELS = 16 * 1024 * 1024
_KEPT = 256  # of some 3 kB each


class Thumbnails:
    """Pictures by name, of which the newest are kept."""

    def __init__(self, turn: asyncio.Semaphore) -> None:
        """Take turns with others: what is decoded at once takes memory."""
        self._turn = turn
        self._pictures = OrderedDict[str, bytes]()

    def get(self, name: str) -> bytes | None:
        """Return a picture, a JPEG, if it is there (still)."""
        return self._pictures.get(name)

    async def draw(self, name: str, image: bytes) -> str | None:
        """Make a picture of an image file, and return its name; None: the file is none that we decode."""
        if name in self._pictures:
            return name
        async with self._turn:
            try:
                self._pictures[name] = await asyncio.to_thread(shrink_image, image, SIDE, HELD_PIXELS)
            except UnreadableImageError:
                return None
        while len(self._pictures) > _KEPT:
            self._pictures.popitem(last=False)
        return name
