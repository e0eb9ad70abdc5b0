"""Builds and pushes what an install pulls, and writes the installs that name it by digest."""

from collections.abc import Sequence

from release.bundle import product_version, render, write_bundle
from release.service_version import NAME, Release
from tests.cluster.cache import REPOSITORY, default_cache
from tests.cluster.images import PRODUCT_IMAGES, ImageStore
from tests.cluster.overlay import write_overlay
from tests.cluster.packages import install_packages

DEFAULT_BASE = "python:3.11-slim-bookworm"
BUILD = REPOSITORY / "build"
INSTALL_OVERLAY = BUILD / "install"
NAMESPACED_OVERLAY = BUILD / "install-namespaced"
BUNDLE = BUILD / "bundle"
NAMESPACED = REPOSITORY / "manifests" / "overlays" / "namespaced"


def publish(registry: str, base: str, platforms: Sequence[str], source: str) -> list[str]:
    """Build and push the product's images and the bundle's, and write the installs; return the images' names.

    `platforms` are such as `linux/arm64`; `source` is the repository's URL, or "".

    Raises:
        CommandError: an image could not be built, or the registry did not take it.
        ValueError: what is asked for cannot be built.
    """
    cache = default_cache()
    install_packages(cache, ("buildah", *(("debootstrap",) if base == "local" else ())))
    store = ImageStore(cache)
    images = {each.name: store.publish(each, registry, base, platforms) for each in PRODUCT_IMAGES}
    write_overlay(INSTALL_OVERLAY, images, {})
    write_overlay(NAMESPACED_OVERLAY, images, {}, base=NAMESPACED, namespace="catdog")
    architectures = [each.split("/")[1] for each in platforms]
    release = Release(product_version(), architectures, source)
    write_bundle(BUNDLE, render(INSTALL_OVERLAY, NAMESPACED_OVERLAY), release)
    bundle = store.publish_directory(BUNDLE, f"{registry}/{NAME}-bundle:v{release.version}", platforms)
    return [*images.values(), bundle]
