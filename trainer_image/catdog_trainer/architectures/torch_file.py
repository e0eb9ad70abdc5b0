"""Reads the tensors of a legacy PyTorch file with numpy alone, and runs no code of the file.

The format: five pickles (magic number, protocol, system, the tensors by name, the keys of their
storages), then the storages themselves, little-endian, each led by its element count in 8 bytes.
https://github.com/pytorch/pytorch/blob/v1.5.0/torch/serialization.py (`_legacy_save`)
"""

import pickle
import struct
from collections import OrderedDict
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

_MAGIC = 0x1950A86A20F9469CFC6C


@dataclass(frozen=True)
class _Storage:
    """The elements that a tensor is a view of; they follow after the pickles, under this key."""

    key: str
    dtype: np.dtype[Any]
    elements: int


@dataclass(frozen=True)
class _Tensor:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]  # in elements


def _rebuild_tensor(
    storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: object
) -> _Tensor:
    return _Tensor(storage, offset, shape, strides)


_ALLOWED: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    ("torch", "FloatStorage"): np.dtype("<f4"),
    ("torch", "LongStorage"): np.dtype("<i8"),
}


class _TensorUnpickler(pickle.Unpickler):
    """Knows the four names that such a file needs, and no other."""

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401 - as its base class has it
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"{module}.{name} is not allowed") from None

    def persistent_load(self, pid: Any) -> _Storage:  # noqa: ANN401 - as its base class has it
        kind, dtype, key, _location, elements, view = pid
        if kind != "storage" or view is not None:
            raise pickle.UnpicklingError(f"{kind} {view} is not a plain storage")
        return _Storage(str(key), dtype, int(elements))


def read_torch_file(file: IO[bytes]) -> dict[str, NDArray[Any]]:
    """Return the tensors of the file by their names, as arrays of float32 or int64.

    Raises:
        pickle.UnpicklingError: it is no such file, or it holds anything but plain tensors.
    """
    if _TensorUnpickler(file).load() != _MAGIC:
        raise pickle.UnpicklingError("this is no PyTorch file of the legacy format")
    _protocol, _system, tensors, keys = (_TensorUnpickler(file).load() for _ in range(4))
    storages = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
    elements = {key: _read_storage(file, storages[key]) for key in keys}
    return {name: _view(tensor, elements[tensor.storage.key]) for name, tensor in tensors.items()}


def _read_storage(file: IO[bytes], storage: _Storage) -> NDArray[Any]:
    (count,) = struct.unpack("<q", file.read(8))
    if count != storage.elements:
        raise pickle.UnpicklingError(f"storage {storage.key} has {count} elements, not {storage.elements}")
    return np.frombuffer(file.read(count * storage.dtype.itemsize), storage.dtype, count)


def _view(tensor: _Tensor, elements: NDArray[Any]) -> NDArray[Any]:
    size = elements.dtype.itemsize
    last = sum((length - 1) * stride for length, stride in zip(tensor.shape, tensor.strides, strict=True))
    if min(tensor.shape, default=1) < 1 or tensor.offset < 0 or tensor.offset + last >= len(elements):
        raise pickle.UnpicklingError(f"a tensor {tensor.shape} does not fit its storage")
    strides = tuple(stride * size for stride in tensor.strides)
    return np.ndarray(tensor.shape, elements.dtype, elements, tensor.offset * size, strides)
