"""Which records one thread decodes in one go."""

from catdog_common.messages import SourceRecord
from catdog_inference.pipeline import DECODED_TOGETHER, DECODED_TOGETHER_BYTES, decoded_together


def records(*sizes: int) -> list[SourceRecord]:
    return [SourceRecord("images", 0, number, None, bytes(size), ()) for number, size in enumerate(sizes)]


def sizes_of_parts(*sizes: int) -> list[list[int]]:
    return [[len(record.value or b"") for record in part] for part in decoded_together(records(*sizes))]


def test_no_records_are_no_part() -> None:
    assert sizes_of_parts() == []


def test_records_stay_in_their_order_and_none_is_left_out() -> None:
    given = records(*[10] * (2 * DECODED_TOGETHER + 3))
    parts = list(decoded_together(given))
    assert [record for part in parts for record in part] == given
    assert [len(part) for part in parts] == [DECODED_TOGETHER, DECODED_TOGETHER, 3]


def test_large_records_go_apart_so_that_all_threads_have_some() -> None:
    half, large = DECODED_TOGETHER_BYTES // 2, 3 * DECODED_TOGETHER_BYTES
    assert sizes_of_parts(half, half, 1, large, 2, large) == [[half, half], [1], [large], [2], [large]]
