"""Writes what packages the lock of each image names, as CycloneDX.

A lock is for all platforms: of what it names, an image holds what is for its own. A scan of it tells that.
"""

import sys
from pathlib import Path

from tests.cluster.cache import REPOSITORY
from tests.cluster.commands import run

LOCKS = {
    "catdog-operator": "operator",
    "catdog-inference": "inference",
    "catdog-console": "console",
    "catdog-trainer": "trainer",
}


def write_sboms(directory: Path) -> list[Path]:
    """Write an SBOM for each image and return their paths.

    Raises:
        CommandError: a lock could not be read.
    """
    directory.mkdir(parents=True, exist_ok=True)
    return [_write(lock, directory / f"{image}.cdx.json") for image, lock in LOCKS.items()]


def _write(lock: str, path: Path) -> Path:
    # That they are valid is tested; to validate each takes seconds.
    options = ("--output-reproducible", "--no-validate", "--of", "JSON", "--output-file", path)
    locked = REPOSITORY / "requirements" / f"{lock}.txt"
    run(sys.executable, "-m", "cyclonedx_py", "requirements", *options, locked)
    return path
