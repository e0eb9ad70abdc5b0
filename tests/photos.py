"""The one place that knows where real photos for tests and the demo may be found.

They are no part of this project (their licences differ), so they may be absent: then drawings of cats
and dogs from an emoji font stand in, and whoever asked says so.
"""

import os
from pathlib import Path

_BESIDE_THE_CHECKOUT = Path(__file__).resolve().parents[2] / "shared" / "data"


def photos_dir(name: str) -> Path | None:
    """Return the folder of the photo set `name` (`oxford-pets` and others), or None where it is not there."""
    root = Path(os.environ.get("CATDOG_PHOTOS_DIR", _BESIDE_THE_CHECKOUT))
    directory = root / name
    return directory if directory.is_dir() else None
