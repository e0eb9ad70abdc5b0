"""How much memory of a process no file backs: what is mapped from files the kernel takes back at need."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

_SECONDS = 0.01  # between two looks


class Watched:
    """The most that was seen of a process's anonymous memory."""

    peak_megabytes = 0.0


@contextmanager
def watched(pid: int) -> Iterator[Watched]:
    """Look at a process again and again, as the kernel notes no peak of this part."""
    seen, ended = Watched(), threading.Event()

    def look() -> None:
        while not ended.wait(_SECONDS):
            seen.peak_megabytes = max(seen.peak_megabytes, anonymous_megabytes(pid))

    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(look)
        try:
            yield seen
        finally:
            ended.set()
            looking.result()


def anonymous_megabytes(pid: int) -> float:
    """Return what a process has, nothing where it has just ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return sum(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("RssAnon:"))
