import numpy as np
import pytest

from catdog_trainer.rows import Rows

MATRIX = np.arange(30, dtype=np.float32).reshape(10, 3)
ROWS = Rows.joined([Rows.of(MATRIX[:4]), Rows.of(MATRIX[4:])])


@pytest.mark.parametrize(
    "which",
    [slice(None), slice(2, 7), slice(1, None, 4), [3, 3, 0], np.array([9, 1]), np.arange(10) % 2 == 0],
)
def test_what_is_picked_is_what_a_matrix_in_memory_would_give(which: slice) -> None:
    assert np.array_equal(ROWS[which], MATRIX[which])
    assert np.array_equal(ROWS.only(which)[:], MATRIX[which])
    assert ROWS.only(which).shape == MATRIX[which].shape


def test_all_rows_come_in_turn_some_at_a_time() -> None:
    chunks = list(ROWS.chunks(4))
    assert [len(chunk) for chunk in chunks] == [4, 4, 2]
    assert np.array_equal(np.concatenate(chunks), MATRIX)


def test_of_no_rows_none_are_picked() -> None:
    none = ROWS.only([])
    assert none[:].shape == (0, 3)
    assert none[:].dtype == np.float32
    assert list(none.chunks()) == []


def test_to_pick_rows_copies_none_and_what_comes_of_them_is_a_copy() -> None:
    matrix = MATRIX.copy()
    picked = Rows.of(matrix).only([1, 2])
    assert all(np.shares_memory(row, matrix) for row in picked.each)
    picked[:][:] = 0
    assert np.array_equal(matrix, MATRIX)
