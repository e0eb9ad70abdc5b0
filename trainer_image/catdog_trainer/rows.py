"""Features of many photos, which stay where they are kept until some are asked for.

What is mapped from a file costs no memory that the kernel could not take back: a training on 100,000 photos
needs little more than one on a thousand.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

CHUNK = 256  # rows that are in memory at a time, where all are gone through


@dataclass(frozen=True)
class Rows:
    """A matrix, float32 [n, F], whose rows may lie in several files; what is picked of it is a copy."""

    each: Sequence[NDArray[np.float32]]  # [n] of [F]; they are not copied
    width: int

    @classmethod
    def of(cls, matrix: NDArray[np.float32]) -> Self:
        """Return the rows of a matrix that is in memory."""
        return cls(list(matrix), matrix.shape[1])

    @classmethod
    def joined(cls, parts: Sequence["Rows"]) -> Self:
        """Return the rows of all parts, one after the other."""
        return cls([row for part in parts for row in part.each], parts[0].width)

    @property
    def shape(self) -> tuple[int, int]:
        """How many rows there are, and of how many features."""
        return len(self.each), self.width

    def __len__(self) -> int:
        return len(self.each)

    def __getitem__(self, which: slice | Sequence[int] | NDArray[Any]) -> NDArray[np.float32]:
        """Return some rows: by a slice, by their numbers, or by a mask."""
        picked = self.only(which)
        return (
            np.concatenate(picked.each).reshape(picked.shape)
            if picked.each
            else np.empty(picked.shape, np.float32)
        )

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:  # noqa: ANN401, FBT001
        """Return all rows, for numpy: they had better be few."""
        return np.array(self[:], dtype, copy=copy)

    def only(self, which: slice | Iterable[int] | NDArray[Any]) -> "Rows":
        """Return the same as `self[which]`, without a copy."""
        if isinstance(which, slice):
            return Rows(self.each[which], self.width)
        if isinstance(which, np.ndarray):
            which = (np.flatnonzero(which) if which.dtype == np.bool_ else which).tolist()
        return Rows([self.each[number] for number in which], self.width)

    def chunks(self, size: int = CHUNK) -> Iterator[NDArray[np.float32]]:
        """Yield all rows in turn, so many at a time."""
        for start in range(0, len(self), size):
            yield self[start : start + size]
