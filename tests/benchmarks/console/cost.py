"""What open pages cost the console's process: processor and memory, while a model answers steadily."""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import unescape
from pathlib import Path
from time import monotonic
from urllib.parse import urljoin

import aiohttp
import msgspec

_TICKS = os.sysconf("SC_CLK_TCK")
SETTLED_SECONDS = 5.0  # before anything is measured
_EVENTS = re.compile(r'data-events="([^"]+)"')


class Cost(msgspec.Struct, frozen=True):
    """What a process took while so many pages were open."""

    pages: int
    cpu_percent: float  # of one processor
    rss_mib: float
    events: int  # a second, of one page
    kib: float  # a second, of one page


async def measure(url: str, pages: int, process: int, seconds: float) -> Cost:
    """Open a page so many times, as many browsers would, and see what that takes of a process meanwhile."""
    async with _open_pages(url, pages) as counts:
        await asyncio.sleep(SETTLED_SECONDS)  # here and below a span of time is measured
        began, cpu, before = monotonic(), _cpu_seconds(process), list(counts)
        await asyncio.sleep(seconds)
        took = monotonic() - began
        seen = [each - earlier for each, earlier in zip(counts, before, strict=True)]
    return Cost(
        pages=pages,
        cpu_percent=100 * (_cpu_seconds(process) - cpu) / took,
        rss_mib=_rss_mib(process),
        events=round(seen[0] / took / max(pages, 1)),
        kib=seen[1] / 1024 / took / max(pages, 1),
    )


@asynccontextmanager
async def _open_pages(url: str, pages: int) -> AsyncIterator[list[int]]:
    """Keep so many streams of a page open; give how many events and bytes came in all."""
    counts = [0, 0]

    async def read(session: aiohttp.ClientSession, stream: str) -> None:
        async with session.get(stream) as answer:
            answer.raise_for_status()
            async for line in answer.content:
                counts[0] += line.startswith(b"data:")
                counts[1] += len(line)

    connector = aiohttp.TCPConnector(limit=0)
    async with (
        aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=None)) as session,
        asyncio.TaskGroup() as group,
    ):
        tasks = []
        for _ in range(pages):
            async with session.get(url) as page:
                [events] = _EVENTS.findall(await page.text())
            tasks.append(group.create_task(read(session, urljoin(url, unescape(events)))))
        yield counts
        for task in tasks:
            task.cancel()


def _cpu_seconds(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _rss_mib(process: int) -> float:
    [line] = [each for each in Path(f"/proc/{process}/status").read_text().splitlines() if "VmRSS" in each]
    return int(line.split()[1]) / 1024
