"""The images can be built for both architectures, as far as that shows without a machine of the other one."""

import re
import sys

import pytest

from tests.cluster.cache import REPOSITORY
from tests.cluster.commands import CommandError, run
from tests.cluster.images import PRODUCT_IMAGES, ImageSource

# Debian 12's glibc, which the images' base has.
PLATFORMS = ("x86_64-manylinux_2_36", "aarch64-manylinux_2_36")


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("source", PRODUCT_IMAGES, ids=lambda source: source.name)
def test_each_locked_package_comes_built_for_it(source: ImageSource, platform: str) -> None:
    for lock in (path for path in source.paths if path.startswith("requirements/")):
        try_install(lock, platform)


def test_and_one_that_does_not_is_told() -> None:
    with pytest.raises(CommandError, match="aarch64"):
        try_install("requirements/trainer.txt", PLATFORMS[1], without="; platform_machine != 'aarch64'")


def try_install(lock: str, platform: str, without: str = "") -> None:
    """Have uv choose a wheel of each package in a lock, and download none.

    Raises:
        CommandError: a package has none for the platform.
    """
    text = (REPOSITORY / lock).read_text()
    requirements = text.replace(without, "") if without else text
    options = ("--dry-run", "--no-deps", "--require-hashes", "--only-binary=:all:", "--python-version=3.11")
    where = (f"--python-platform={platform}", "--target=/nonexistent", "--requirements=-")
    patient = {"UV_HTTP_TIMEOUT": "240", "UV_HTTP_RETRIES": "10"}
    run(sys.executable, "-m", "uv", "pip", "install", *options, *where, env=patient, stdin=requirements)


@pytest.mark.parametrize("source", PRODUCT_IMAGES, ids=lambda source: source.name)
def test_a_containerfile_names_no_architecture(source: ImageSource) -> None:
    lines = (REPOSITORY / source.containerfile).read_text().splitlines()
    steps = "\n".join(line for line in lines if not line.startswith("#"))
    assert re.findall(r"amd64|x86_64|x86-64|arm64|aarch64|--platform", steps) == []
