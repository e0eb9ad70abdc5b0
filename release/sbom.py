"""Writes what packages the lock of each image installs on a platform, as CycloneDX.

A lock is for all platforms: which of its packages are for one, its environment markers say (PEP 508).
"""

import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from packaging.requirements import Requirement

from tests.cluster.cache import REPOSITORY
from tests.cluster.commands import run

LOCKS = {
    "catdog-operator": "operator",
    "catdog-inference": "inference",
    "catdog-console": "console",
    "catdog-trainer": "trainer",
}
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}  # what Python calls the architectures of images
PYTHON = "3.11"  # of the images

_REQUIREMENT = re.compile(r"^(?=[a-zA-Z0-9])", re.MULTILINE)  # it begins a line; its hashes are indented


def write_sboms(directory: Path) -> list[Path]:
    """Write an SBOM for each image and architecture and return their paths.

    Raises:
        CommandError: a lock could not be read.
        ValueError: a requirement in it could not.
    """
    directory.mkdir(parents=True, exist_ok=True)
    return [
        _write(lock, architecture, directory / f"{image}-{architecture}.cdx.json")
        for image, lock in LOCKS.items()
        for architecture in MACHINES
    ]


def pick_installed(lock: str, architecture: str) -> str:
    """Return of a lock what pip installs in an image for an architecture, without the markers that say so.

    Raises:
        ValueError: a requirement is none.
    """
    environment = build_environment(architecture)
    picked = []
    for block in _REQUIREMENT.split(lock)[1:]:
        line, rest = block.split("\n", maxsplit=1)
        requirement = Requirement(line.removesuffix("\\"))
        marker, requirement.marker = requirement.marker, None
        if marker is None or marker.evaluate(environment):
            picked.append(f"{requirement} \\\n{rest}")
    return "".join(picked)


def build_environment(architecture: str) -> dict[str, str]:
    """Return what markers ask for, of an image; whatever machine this is."""
    return {
        "implementation_name": "cpython",
        "implementation_version": f"{PYTHON}.0",
        "os_name": "posix",
        "platform_machine": MACHINES[architecture],
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": f"{PYTHON}.0",
        "python_version": PYTHON,
        "sys_platform": "linux",
    }


def _write(lock: str, architecture: str, path: Path) -> Path:
    # That they are valid is tested; to validate each takes seconds.
    options = ("--output-reproducible", "--no-validate", "--of", "JSON", "--output-file", path)
    whole = (REPOSITORY / "requirements" / f"{lock}.txt").read_text()
    with TemporaryDirectory() as directory:
        installed = Path(directory) / f"{lock}.txt"
        installed.write_text(pick_installed(whole, architecture))
        run(sys.executable, "-m", "cyclonedx_py", "requirements", *options, installed)
    return path
