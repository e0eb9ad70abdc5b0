"""How fast a worker answers: beside the lab's way, a plain consumer and what the processors allow.

    python -m tests.benchmarks.serving [--quick] [--output FILE]

Everything in one run, at one broker (a process on this machine, without TLS), on the same pictures. Topics
are filled before a worker starts; a rate is that of the answers that the broker stamped while the worker was
at work, without its start. Ways take turns; each figure is that of the round in the middle. Run it alone on a
machine: "others" says how much of the processors was taken by whatever else ran.
"""

import asyncio
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import msgspec
from rich.console import Console

from catdog_common.processors import available_processors
from tests.benchmarks.serving.bench import Bench, Rate, percentile
from tests.benchmarks.serving.broker import kafka_broker
from tests.benchmarks.serving.figures import (
    Figures,
    Size,
    backlogs_table,
    rates_table,
    sizes_table,
)
from tests.benchmarks.serving.pictures import jpegs, real_photos
from tests.benchmarks.serving.topics import Topics
from tests.benchmarks.serving.version import trained
from tests.benchmarks.serving.ways import WORKER, Way
from tests.benchmarks.tables import Goal, goals_table
from tests.benchmarks.trainer import keras_venv, weights_dir
from tests.cluster.cache import Cache, default_cache, progress

SIZE = 40_000
PICTURES = 256
SIZES = {
    10_000: (64, 9000),
    200_000: (32, 5000),
    1_000_000: (6, 1500),
    4_000_000: (4, 500),
}  # pictures, records
ANSWERS_TO_THE_LAB = {"efficientnet-lite0": 45.0, "efficientnet-lite2": 28.0}

ONE = Way("worker", WORKER)
TWO = Way("2 workers", WORKER, processes=2)
IN_TURN = Way("all in turn", "tests.benchmarks.serving.in_turn")
LAB = "the lab's way"
LIMITS = {"limit: 1 thread a process": True, "limit: 1 process": False}


class Extent(msgspec.Struct, frozen=True):
    """How much is measured."""

    architectures: tuple[str, ...]
    rounds: int
    seconds: float  # of a rate
    backlogs: tuple[int, ...]
    sizes: tuple[int, ...]


WHOLE = Extent(tuple(ANSWERS_TO_THE_LAB), 3, 8.0, (200, 2_000, 20_000), tuple(SIZES))
QUICK = Extent(("efficientnet-lite0",), 1, 5.0, (2_000, 6_000), (10_000, 1_000_000))


@contextmanager
def benches(architecture: str, cache: Cache, records: int, pictures: list[bytes]) -> Iterator[Bench]:
    """Give a bench with the topics `images` and `one`, the latter of one record, and a folder of pictures."""
    storage = trained(cache, architecture)
    with tempfile.TemporaryDirectory(prefix="catdog-bench-") as directory:
        scratch = Path(directory)
        (scratch / "pictures").mkdir()
        for number, picture in enumerate(pictures):
            (scratch / "pictures" / f"{number:03}.jpg").write_bytes(picture)
        with kafka_broker(cache, scratch) as broker:
            topics = Topics(broker.servers)
            topics.create("images", "one")
            topics.fill("images", pictures, records)
            topics.fill("one", pictures, 1)
            yield Bench(broker, topics, storage, scratch)


async def compare(bench: Bench, cache: Cache, figures: Figures, extent: Extent) -> None:
    """Let all ways take turns."""
    keras = {"CATDOG_WEIGHTS_DIR": str(weights_dir(cache)), "TF_CPP_MIN_LOG_LEVEL": "2"}
    lab = Way(LAB, "tests.benchmarks.serving.labs_way", python=keras_venv(cache), environment=keras)
    processors = available_processors()
    for number in range(extent.rounds):
        with progress(f"{figures.architecture}, round {number + 1} of {extent.rounds}"):
            for way in (ONE, TWO, IN_TURN, lab):
                rate = await bench.rate(way, "images", extent.seconds)
                figures.rates.setdefault(way.name, []).append(rate)
            for name, apart in LIMITS.items():
                processes, threads = (processors, 1) if apart else (1, processors)
                rate = bench.limit(bench.scratch / "pictures", processes, threads, extent.seconds)
                figures.rates.setdefault(name, []).append(rate)
    figures.limit = max(LIMITS, key=lambda name: _speed(figures.rates[name]))
    figures.other_labels = _differing(bench.labels[ONE.name], bench.labels[LAB])


async def try_latency(bench: Bench, figures: Figures, pictures: list[bytes], seconds: float) -> None:
    """Send at half of what one worker answers, and start workers that find one record."""
    with progress("latency at half load, first answers"):
        figures.latency_rate = _speed(figures.rates[ONE.name]) / 2
        figures.latencies = await bench.latencies(ONE, pictures, figures.latency_rate, 2 * seconds)
        figures.first_answers = [await bench.first_answer(ONE, "one") for _ in range(5)]


async def try_sizes(bench: Bench, figures: Figures, extent: Extent) -> None:
    """Answer images of other sizes."""
    figures.sizes = [Size(SIZE / 1000, _middle(figures.rates[ONE.name]))]
    for size in extent.sizes:
        with progress(f"images of {size // 1000} kB"):
            count, records = SIZES[size]
            pictures = jpegs(size, count)
            topic = f"images-{size}"
            bench.topics.create(topic)
            bench.topics.fill(topic, pictures, records)
            rate = await bench.rate(ONE, topic, extent.seconds)
            bench.topics.delete(topic)
            figures.sizes.append(Size(sum(map(len, pictures)) / len(pictures) / 1000, rate))
    figures.sizes.sort(key=lambda each: each.kilobytes)


async def try_backlogs(bench: Bench, figures: Figures, extent: Extent, pictures: list[bytes]) -> None:
    """Answer all of backlogs of several lengths."""
    for records in extent.backlogs:
        with progress(f"a backlog of {records:,}"):
            topic = f"backlog-{records}"
            bench.topics.create(topic)
            bench.topics.fill(topic, pictures, records)
            figures.backlogs[records] = await bench.peak_memory(ONE, topic)
            bench.topics.delete(topic)


def goals(figures: Figures) -> list[Goal]:
    """Return what was asked for, with what is."""
    first = sorted(figures.first_answers, key=lambda each: each.seconds)[len(figures.first_answers) // 2]
    found: list[Goal] = [
        (
            "× the lab's way",
            figures.ratio(ONE.name, LAB),
            "≥",
            ANSWERS_TO_THE_LAB[figures.architecture],
        ),
        ("of the limit", figures.ratio(ONE.name, figures.limit), "≥", 0.9),
        (
            "of it, had others left as much of the processors",
            figures.share(ONE.name, figures.limit),
            "≥",
            0.9,
        ),
        ("s to the first answer of a process", first.seconds, "≤", 1.0),
        ("MB resident then", max(each.megabytes for each in figures.first_answers), "≤", 150.0),
    ]
    if figures.backlogs:
        longest, middle = max(figures.backlogs), sorted(figures.backlogs)[-2]
        ratio = figures.backlogs[longest] / figures.backlogs[middle]
        found.append((f"× the memory, {longest:,} records to {middle:,}", ratio, "≤", 1.1))
    return found


def show(figures: Figures, console: Console) -> None:
    """Print all tables."""
    source = "photos" if real_photos() else "DRAWINGS, as there are no photos,"
    title = (
        f"{figures.architecture}, JPEGs of {SIZE // 1000} kB ({source} made so large), "
        f"{available_processors()} processors for broker and workers; {figures.other_labels}"
    )
    console.print(rates_table(figures, title, LAB, figures.limit))
    p50, p99 = (1000 * percentile(figures.latencies, percent) for percent in (50, 99))
    console.print(
        f"Overlap brings {figures.ratio(ONE.name, IN_TURN.name) - 1:+.0%} over all in turn. At half load "
        f"({figures.latency_rate:.0f}/s) an answer takes {p50:.0f} ms p50, {p99:.0f} ms p99. First answers: "
        + ", ".join(f"{each.seconds:.2f} s ({each.megabytes:.0f} MB)" for each in figures.first_answers)
        + " (group.initial.rebalance.delay.ms=0)."
    )
    if figures.sizes:
        console.print(sizes_table(figures.sizes), backlogs_table(figures.backlogs))
    console.print(goals_table(goals(figures)))


async def run(extent: Extent, tell: Callable[[list[Figures]], None]) -> None:
    """Measure; `tell` hears of what there is so far after each network."""
    cache, pictures = default_cache(), jpegs(SIZE, PICTURES)
    results = list[Figures]()
    for architecture in extent.architectures:
        figures = Figures(architecture, {})
        with benches(architecture, cache, int(600 * (extent.seconds + 5)), pictures) as bench:
            await compare(bench, cache, figures, extent)
            await try_latency(bench, figures, pictures, extent.seconds)
            if not results:
                await try_sizes(bench, figures, extent)
                await try_backlogs(bench, figures, extent, pictures)
        results.append(figures)
        tell(results)


def _speed(rates: list[Rate]) -> float:
    return _middle(rates).per_second


def _middle(rates: list[Rate]) -> Rate:
    return sorted(rates, key=lambda each: each.per_second)[len(rates) // 2]


def _differing(ours: dict[str, str], theirs: dict[str, str]) -> str:
    both = ours.keys() & theirs.keys()
    different = sum(ours[key] != theirs[key] for key in both)
    return f"{different} of {len(both)} answers differ from the lab's way"


@click.command(help=__doc__)
@click.option("--quick", is_flag=True, help="One network, one round.")
@click.option("--output", type=click.Path(path_type=Path), help="Write the results there, as JSON.")
def main(*, quick: bool, output: Path | None) -> None:
    """Measure, print tables, and write JSON."""
    console = Console(width=170)

    def tell(results: list[Figures]) -> None:
        show(results[-1], console)
        if output:
            written = {"load": os.getloadavg(), "figures": msgspec.to_builtins(results)}
            output.write_text(json.dumps(written, indent=1))

    asyncio.run(run(QUICK if quick else WHOLE, tell))


if __name__ == "__main__":
    main()
