import io
import pickle
import struct
import sys
import types
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from catdog_trainer.architectures.torch_file import read_torch_file

MAGIC = 0x1950A86A20F9469CFC6C


class FloatStorage:
    """Stands for PyTorch's class of that name, which a file only names."""

    def __init__(self, key: str, values: NDArray[np.float32]) -> None:
        self.key, self.values = key, values


class Tensor:
    """Pickles itself as PyTorch's tensors do."""

    def __init__(
        self, storage: FloatStorage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]
    ) -> None:
        self.arguments: tuple[Any, ...] = (storage, offset, shape, strides, False, OrderedDict())

    def __reduce__(self) -> tuple[Any, ...]:
        return vars(sys.modules["torch._utils"])["_rebuild_tensor_v2"], self.arguments


class TorchPickler(pickle.Pickler):
    def persistent_id(self, obj: object) -> tuple[Any, ...] | None:
        if isinstance(obj, FloatStorage):
            return ("storage", sys.modules["torch"].FloatStorage, obj.key, "cpu", len(obj.values), None)
        return None


@pytest.fixture(autouse=True)
def torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the two names of PyTorch that the pickler writes down something to point at."""

    def _rebuild_tensor_v2() -> None: ...

    root, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for module, name, value in (
        (root, "FloatStorage", type("FloatStorage", (), {"__module__": "torch"})),
        (utils, "_rebuild_tensor_v2", _rebuild_tensor_v2),
    ):
        value.__module__, value.__qualname__ = module.__name__, name
        setattr(module, name, value)
        monkeypatch.setitem(sys.modules, module.__name__, module)


def torch_file(tensors: Mapping[str, object], storages: list[FloatStorage]) -> io.BytesIO:
    file = io.BytesIO()
    for part in (MAGIC, 1001, {"little_endian": True}, OrderedDict(tensors), [s.key for s in storages]):
        TorchPickler(file, protocol=2).dump(part)
    for storage in storages:
        file.write(struct.pack("<q", len(storage.values)) + storage.values.tobytes())
    file.seek(0)
    return file


def test_tensors_come_out_by_name_shape_and_stride() -> None:
    first = FloatStorage("0", np.arange(6, dtype="<f4"))
    second = FloatStorage("1", np.array([7], dtype="<f4"))
    tensors = {
        "rows": Tensor(first, 0, (2, 3), (3, 1)),
        "columns": Tensor(first, 0, (3, 2), (1, 3)),
        "last": Tensor(first, 4, (2,), (1,)),
        "scalar": Tensor(second, 0, (), ()),
    }
    read = read_torch_file(torch_file(tensors, [first, second]))
    assert read["rows"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert read["columns"].tolist() == [[0, 3], [1, 4], [2, 5]]
    assert read["last"].tolist() == [4, 5]
    assert read["scalar"].item() == 7


class Malicious:
    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("this must never be printed",)


def test_a_name_that_is_not_needed_is_refused_and_nothing_of_it_runs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(pickle.UnpicklingError, match=r"__builtin__\.print is not allowed"):
        read_torch_file(torch_file({"weights": Malicious()}, []))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("offset", "shape", "strides"), [(0, (7,), (1,)), (5, (2,), (1,)), (0, (2, 3), (6, 1))]
)
def test_a_tensor_that_reaches_beyond_its_storage_is_refused(
    offset: int, shape: tuple[int, ...], strides: tuple[int, ...]
) -> None:
    storage = FloatStorage("0", np.arange(6, dtype="<f4"))
    with pytest.raises(pickle.UnpicklingError, match="does not fit its storage"):
        read_torch_file(torch_file({"weights": Tensor(storage, offset, shape, strides)}, [storage]))


def test_a_file_of_another_format_is_refused() -> None:
    with pytest.raises(pickle.UnpicklingError, match="no PyTorch file"):
        read_torch_file(io.BytesIO(pickle.dumps(42)))
