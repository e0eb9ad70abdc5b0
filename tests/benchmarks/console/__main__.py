"""What the console costs, and how soon it answers, on a local cluster with a real Kafka and a real worker.

    python -m tests.benchmarks.console [--quick] [--output FILE]

A model of the default network is trained on the trainer's sample, and one worker of it answers. Photos are
dropped on the model's page in a headless Chromium. Then so many pages are open at once, each by a connection
of its own as that of another person, while the model answers ten photos a second. Run it alone on a machine.
"""

import asyncio
import json
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from threading import Event

import click
import msgspec
from aiokafka import AIOKafkaProducer
from rich.console import Console

from tests.benchmarks.console.cost import Cost, measure
from tests.benchmarks.console.weight import Weight, drop_all, weigh
from tests.benchmarks.serving.bench import percentile
from tests.benchmarks.tables import Goal, goals_table, new_table
from tests.browser import chromium
from tests.cluster.instance import Instance, down, up
from tests.e2e.consoles import console_process, forwarded, installed_console
from tests.e2e.kafka import settings
from tests.e2e.models import NAMESPACE, Model

PER_SECOND = 10
OPEN_PAGES = (0, 1, 50)
SPEC = {"training": {"dataset": {"sample": {}}, "epochs": 5}, "kafka": {"strimzi": {"name": "my-cluster"}}}


class Figures(msgspec.Struct, frozen=True):
    """All that is measured."""

    drops: list[float]  # milliseconds from a drop until its answer is seen
    weights: list[Weight]
    costs: list[Cost]


@click.command(help=__doc__)
@click.option("--name", default="bench-console", show_default=True, help="The local cluster's name.")
@click.option("--quick", is_flag=True, help="A fifth of the drops, and shorter spans.")
@click.option("--output", type=click.Path(path_type=Path), help="Write the figures there, as JSON.")
def main(name: str, output: Path | None, *, quick: bool) -> None:
    """Measure, and tell."""
    cluster = up(name)
    try:
        figures = _measure(cluster, drops=30 if quick else 150, seconds=10 if quick else 60)
    finally:
        down(name)
    _tell(figures)
    if output:
        output.write_text(json.dumps(msgspec.to_builtins(figures), indent=1))


def _measure(cluster: Instance, drops: int, seconds: float) -> Figures:
    model = Model(cluster, "pets")
    model.apply(SPEC)
    photos = _drawings()
    model.await_ready(version=1, timeout=900)
    with installed_console(cluster), forwarded(cluster) as url:
        here = f"{url}/models/{NAMESPACE}/{model.name}"
        pages = {"all models": url, "a model": here, "a version": f"{here}/versions/1"}
        with chromium() as browser, browser.new_page() as page:
            page.goto(here)
            drop_all(page, photos, 5)  # connections are made by then
            answered = drop_all(page, photos, drops)
            weights = [weigh(browser, name, address) for name, address in pages.items()]
        process = console_process(cluster)
        with _steady_photos(cluster, photos):
            costs = [asyncio.run(measure(here, each, process, seconds)) for each in OPEN_PAGES]
    return Figures(answered, weights, costs)


def _drawings() -> list[bytes]:
    from catdog_trainer.data.drawings import write_drawings

    with tempfile.TemporaryDirectory() as directory:
        write_drawings(Path(directory), per_class=16, seed=11)
        return [path.read_bytes() for path in sorted(Path(directory).rglob("*.jpg"))]


@contextmanager
def _steady_photos(cluster: Instance, photos: list[bytes]) -> Iterator[None]:
    """Send photos to the model for as long as the context lasts."""
    over = Event()

    async def send() -> None:
        async with AIOKafkaProducer(**settings(cluster)) as producer:
            number = 0
            while not over.is_set():
                await producer.send_and_wait("pets-images", photos[number % len(photos)])
                number += 1
                await asyncio.sleep(1 / PER_SECOND)  # the pace

    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(asyncio.run, send())
        try:
            yield
        finally:
            over.set()
            sending.result()


def _tell(figures: Figures) -> None:
    console = Console(width=110)
    drops = figures.drops
    goals: list[Goal] = [("a drop is answered, median, ms", median(drops), "≤", 1000)]
    goals.append((f"99 of 100 drops (of {len(drops)}), ms", percentile(drops, 99), "≤", 1000))
    console.print(goals_table(goals))
    weights = new_table("Pages", "", "requests", "KiB", "first paint, ms", "load, ms")
    for each in figures.weights:
        cells = (f"{each.kib:.1f}", f"{each.first_paint:.0f}", f"{each.load:.0f}")
        weights.add_row(each.page, str(each.requests), *cells)
    costs = new_table(
        f"Open pages, {PER_SECOND} photos a second", "", "processor, %", "memory, MiB", "KiB/s a page"
    )
    for cost in figures.costs:
        costs.add_row(str(cost.pages), f"{cost.cpu_percent:.1f}", f"{cost.rss_mib:.0f}", f"{cost.kib:.1f}")
    console.print(weights, costs)


if __name__ == "__main__":
    main()
