"""Which records one thread decodes in one go."""

import asyncio
from collections.abc import Sequence

from catdog_inference.classify import Classifier, Decoded, Rejection
from catdog_inference.pipeline import DECODED_TOGETHER, DECODED_TOGETHER_BYTES, Together


class Journal(Classifier):
    """Notes the sizes of what is decoded together."""

    def __init__(self) -> None:
        self.sizes: list[list[int]] = []

    async def decode(self, values: Sequence[bytes | None]) -> list[Decoded]:
        self.sizes.append([len(value or b"") for value in values])
        return [Rejection("NotAnImage", str(len(value or b""))) for value in values]


async def decoded(*turns: Sequence[int]) -> tuple[list[list[int]], list[int]]:
    """Return the sizes of what was decoded together, and of all by their places, for records by turns."""
    journal, places, together = Journal(), list[tuple[Together, int]](), None
    for sizes in turns:
        for value in map(bytes, sizes):
            if together is None or not together.has_room_for(value):
                together = Together(journal)
            places.append((together, together.add(value)))
        await asyncio.sleep(0)
    results = [(await there.decoding)[number] for there, number in places]
    return journal.sizes, [int(each.message) for each in results if isinstance(each, Rejection)]


async def test_what_comes_in_one_turn_is_decoded_together_and_stays_in_its_order() -> None:
    sizes = list(range(2 * DECODED_TOGETHER + 3))
    parts, in_order = await decoded(sizes)
    assert [len(part) for part in parts] == [DECODED_TOGETHER, DECODED_TOGETHER, 3]
    assert [size for part in parts for size in part] == in_order == sizes


async def test_what_comes_later_does_not_wait_for_it() -> None:
    assert await decoded([1, 2], [3]) == ([[1, 2], [3]], [1, 2, 3])


async def test_large_records_go_apart_so_that_all_threads_have_some() -> None:
    half, large = DECODED_TOGETHER_BYTES // 2, 3 * DECODED_TOGETHER_BYTES
    parts, _ = await decoded([half, half, 1, large, 2, large])
    assert parts == [[half, half], [1], [large], [2], [large]]
