"""All that a local cluster is made of, made or installed where it is missing."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tests.cluster.cache import Cache, say
from tests.cluster.images import PRODUCT_IMAGES, Image, ImageStore
from tests.cluster.packages import install_packages
from tests.cluster.programs import build_coredns, build_kubernetes

Made = TypeVar("Made")


@dataclass(frozen=True)
class Parts:
    """Programs for the host, and images for the node."""

    kubernetes: Path
    coredns: Path
    pause: Image
    images: dict[str, Image]

    def reference(self, name: str) -> str:
        """Return an image's name and tag."""
        return self.images[name].reference


def make_parts(cache: Cache, *, with_kafka: bool, with_product: bool) -> Parts:
    """Return the parts; what is missing is made, programs and images side by side."""

    def make_images() -> tuple[Image, dict[str, Image]]:
        install_packages(cache)
        store = ImageStore(cache)
        images = [store.base()]
        images += [store.kafka()] if with_kafka else []
        images += [store.product(source) for source in PRODUCT_IMAGES] if with_product else []
        return store.pause(), {image.name: image for image in images}

    def make_programs() -> tuple[Path, Path]:
        return build_kubernetes(cache), build_coredns(cache)

    with ThreadPoolExecutor() as pool:
        programs = pool.submit(_saying_what_failed, make_programs)
        pause, images = _saying_what_failed(make_images)
        kubernetes, coredns = programs.result()
    return Parts(kubernetes, coredns, pause, images)


def _saying_what_failed(make: Callable[[], Made]) -> Made:
    try:
        return make()
    except Exception as error:  # it is raised again; told now, as the other lane may take minutes to end
        say(f"✗ {error}")
        raise
