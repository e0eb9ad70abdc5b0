"""Maps a function over items in a stream, some of them at the same time."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_AHEAD = 4  # items in flight a thread: enough to keep it busy, few enough to keep memory flat


def map_ahead(
    pool: ThreadPoolExecutor, function: Callable[[Item], Result], items: Iterable[Item], threads: int
) -> Iterator[Result]:
    """Yield the results in the order of the items, with only a few items under way at a time."""
    remaining = iter(items)
    under_way: deque[Future[Result]] = deque(
        pool.submit(function, item) for item in islice(remaining, threads * _AHEAD)
    )
    while under_way:
        yield under_way.popleft().result()
        under_way.extend(pool.submit(function, item) for item in islice(remaining, 1))
