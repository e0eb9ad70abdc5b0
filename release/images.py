"""Builds and pushes what an install pulls, and writes the installs that name it by digest."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from release.bundle import NAMESPACED, product_version, render, write_bundle
from release.service_version import NAME, Release
from tests.cluster.cache import REPOSITORY, default_cache
from tests.cluster.images import PRODUCT_IMAGES, ImageStore
from tests.cluster.overlay import write_console_overlay, write_overlay
from tests.cluster.packages import install_packages

DEFAULT_BASE = "python:3.11-slim-bookworm"
BUILD = REPOSITORY / "build"


def publish(
    registry: str, base: str, platforms: Sequence[str], source: str, directory: Path = BUILD
) -> list[str]:
    """Build and push the product's images and the bundle's, and write the installs; return the images' names.

    `platforms` are such as `linux/arm64`; `source` is the repository's URL, or "". Into `directory` go
    `install`, `install-namespaced`, `console` and `bundle`.

    Raises:
        CommandError: an image could not be built, or the registry did not take it.
        ValueError: what is asked for cannot be built.
    """
    cache = default_cache()
    install_packages(cache, ("buildah", *(("debootstrap",) if base == "local" else ())))
    store = ImageStore(cache)
    images = {each.name: store.publish(each, registry, base, platforms) for each in PRODUCT_IMAGES}
    architectures = [each.split("/")[1] for each in platforms]
    release = Release(product_version(), architectures, source)
    write_installs(directory, images, release)
    bundle = f"{registry}/{NAME}-bundle:v{release.version}"
    return [*images.values(), store.publish_directory(directory / "bundle", bundle, platforms)]


def write_installs(directory: Path, images: Mapping[str, str], release: Release) -> None:
    """Write the kustomize overlays and the bundle, with these images by name."""
    cluster_wide, namespaced = directory / "install", directory / "install-namespaced"
    write_overlay(cluster_wide, images, {})
    write_overlay(namespaced, images, {}, base=NAMESPACED, namespace="catdog")
    write_console_overlay(directory / "console", images)
    write_bundle(directory / "bundle", render(cluster_wide, namespaced), release)
