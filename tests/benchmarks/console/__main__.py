"""How soon the console answers a photo, what its pages weigh, and what open pages cost.

    python -m tests.benchmarks.console [--quick] [--output FILE]

Everything in one run, at one broker without TLS, with one worker of the network that models have by default;
broker, worker and console are processes of this machine, and in place of an API server the console is told
of its model by a file. Photos are dropped on the model's page in a headless Chromium, one after the other.
Then so many pages are open, each by a connection of its own as that of another person, while the model
answers ten photos a second. Run it alone on a machine.
"""

import asyncio
import json
import tempfile
from pathlib import Path
from statistics import median

import click
import msgspec
from rich.console import Console

from tests.benchmarks.console.cost import SETTLED_SECONDS, Cost, measure
from tests.benchmarks.console.scene import IMAGES, Scene, scene
from tests.benchmarks.console.weight import Weight, drop_all, weigh
from tests.benchmarks.serving.bench import percentile
from tests.benchmarks.serving.pictures import jpegs, real_photos
from tests.benchmarks.tables import Goal, goals_table, new_table
from tests.browser import chromium
from tests.cluster.cache import default_cache

PER_SECOND = 10
OPEN_PAGES = (0, 1, 50)
PHOTO_BYTES = 200_000


class Figures(msgspec.Struct, frozen=True):
    """All that is measured."""

    drops: list[float]  # milliseconds from a drop until its answer is seen
    weights: list[Weight]
    costs: list[Cost]


@click.command(help=__doc__)
@click.option("--quick", is_flag=True, help="A fifth of the drops, and shorter spans.")
@click.option("--output", type=click.Path(path_type=Path), help="Write the figures there, as JSON.")
def main(output: Path | None, *, quick: bool) -> None:
    """Measure, and tell."""
    photos = jpegs(PHOTO_BYTES, 32)
    with tempfile.TemporaryDirectory() as scratch, scene(default_cache(), Path(scratch)) as stage:
        answered, weights = _look(stage, photos, drops=30 if quick else 150)
        costs = [_cost(stage, photos, pages, 10 if quick else 60) for pages in OPEN_PAGES]
    figures = Figures(answered, weights, costs)
    _tell(figures)
    if output:
        output.write_text(json.dumps(msgspec.to_builtins(figures), indent=1))


def _look(stage: Scene, photos: list[bytes], drops: int) -> tuple[list[float], list[Weight]]:
    """See what a browser sees."""
    here = stage.model_url
    pages = {"all models": stage.url, "a model": here, "a version": f"{here}/versions/1"}
    with chromium() as browser:
        with browser.new_page() as page:
            page.goto(here)
            drop_all(page, photos, 5)  # connections are made by then
            answered = drop_all(page, photos, drops)
        return answered, [weigh(browser, name, address) for name, address in pages.items()]


def _cost(stage: Scene, photos: list[bytes], pages: int, seconds: float) -> Cost:
    """See what so many open pages cost while photos are sent."""

    async def run() -> Cost:
        sending = stage.topics.send_steadily(IMAGES, photos, PER_SECOND, SETTLED_SECONDS + seconds)
        cost, _ = await asyncio.gather(measure(stage.model_url, pages, stage.console, seconds), sending)
        return cost

    return asyncio.run(run())


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
    console.print(f"{'photos' if real_photos() else 'drawings'} of some {PHOTO_BYTES // 1000} kB")


if __name__ == "__main__":
    main()
