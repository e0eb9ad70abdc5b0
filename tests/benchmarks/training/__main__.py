"""How good versions are, and how fast a training is: beside the flatbuffer alone and the lab's network.

    python -m tests.benchmarks.training [--quick] [--output FILE]

All of it is measured by the trainer itself, run as a process, on real photos where there are some. Accuracies
are of exported versions. Ways that are compared take turns, so their ratios hold on a busy machine too, and
seconds do not.
"""

import os
from collections.abc import Callable, Collection
from pathlib import Path

import click
import msgspec
from rich.console import Console

from catdog_common.processors import available_processors
from tests.benchmarks.tables import Goal, goals_table
from tests.benchmarks.training import accuracy, speed
from tests.benchmarks.training.figures import Accuracy, Figures, SpeedFigures
from tests.benchmarks.training.photo_sets import drawings, photo_set
from tests.benchmarks.training.tables import accuracies_table, settings_table, sizes_table, stages_table
from tests.cluster.cache import default_cache
from tests.photos import photos_dir

LITE0, LITE2 = "efficientnet-lite0", "efficientnet-lite2"
PARTS = SPEED, SETTINGS, ACCURACY = "speed", "settings", "accuracy"
NO_PHOTOS = (
    "NO PHOTOS: accuracies are left out, and speed is measured on drawings, which are small files. Set "
    "CATDOG_PHOTOS_DIR to a folder with kaggle-2000, oxford-pets and lab-100."
)
PROJECTED = 25_000  # photos
SECONDS_FOR_THEM = {LITE0: 120.0, LITE2: 180.0}


class Extent(msgspec.Struct, frozen=True):
    """How much is measured."""

    architectures: tuple[str, ...]
    rounds: int
    sizes: tuple[int, ...]  # photos
    with_folds: bool


WHOLE = Extent((LITE0, LITE2), 3, (1_000, 2_000, 4_000, 8_000), with_folds=True)
QUICK = Extent((LITE0,), 1, (500, 1_000), with_folds=False)


def accuracy_goals(measured: list[Accuracy]) -> list[Goal]:
    """Return what was asked of accuracies, in per cent, with what is."""
    return [
        (f"% right, {each.task}, {each.architecture}, {each.variant}", 100 * each.share, "≥", goal)
        for each in measured
        if (goal := accuracy.GOALS[each.architecture].get(each.task)) is not None
    ]


def speed_goals(figures: SpeedFigures) -> list[Goal]:
    """Return what was asked of speed and memory, with what is."""
    name, largest, smallest = figures.architecture, figures.sizes[-1], figures.sizes[0]
    goals: list[Goal] = [
        (f"× the lab's network, {name}", figures.feature_pass.of_lab, "≥", 40),
        (
            f"s for {PROJECTED:,} photos, {name}",
            figures.projected_seconds(PROJECTED),
            "≤",
            SECONDS_FOR_THEM[name],
        ),
        (
            f"× faster again, {largest.photos:,} photos, {name}",
            largest.first.seconds / largest.again.seconds,
            "≥",
            15,
        ),
        (
            f"× the memory that no file backs, {largest.photos:,} photos to {smallest.photos:,}, {name}",
            largest.first.anonymous_megabytes / smallest.first.anonymous_megabytes,
            "≤",
            1.1,
        ),
    ]
    if name == LITE0:
        goals.insert(0, (f"of the flatbuffer alone, {name}", figures.feature_pass.of_bare, "≥", 0.6))
    return goals


def show(figures: Figures, console: Console) -> None:
    """Print all tables."""
    if figures.accuracies:
        console.print(accuracies_table(figures.accuracies))
    for each in figures.speeds:
        console.print(sizes_table(each, PROJECTED), stages_table(each.sizes[-1]))
        passed, first = each.feature_pass, each.feature_pass.rounds[0]
        console.print(
            f"{each.architecture}: the feature pass reaches {passed.of_bare:.0%} of the flatbuffer alone "
            f"({passed.of_bare_by_processor:.0%} by the processor's time: {first.whole_milliseconds:.1f} and "
            f"{first.bare_milliseconds:.1f} ms a photo), and {passed.of_lab:.0f} times the lab's "
            f"{passed.lab[0].per_second:.1f} photos/s in training ({passed.of_lab_by_processor:.0f} times by "
            f"the processor's time: {passed.lab[0].milliseconds:.0f} ms)."
        )
    if figures.settings:
        console.print(settings_table(figures.settings))
    goals = accuracy_goals(figures.accuracies)
    console.print(goals_table([*goals, *(goal for each in figures.speeds for goal in speed_goals(each))]))
    console.print(
        f"load of the machine at the end: {figures.load[0]:.1f} on {available_processors()} processors"
    )


def measure(extent: Extent, parts: Collection[str], tell: Callable[[Figures], None]) -> None:
    """Measure the parts that are asked for; `tell` hears of what there is so far after each."""
    cache, figures = default_cache(), Figures()
    has_photos = all(photos_dir(name) for name in (accuracy.KAGGLE, accuracy.OXFORD, accuracy.LAB))
    if not has_photos:
        click.secho(NO_PHOTOS, bold=True, err=True)
    photos = photo_set(accuracy.KAGGLE) if has_photos else drawings()
    for architecture in extent.architectures if SPEED in parts else ():
        feature_pass = speed.measure_pass(cache, photos, architecture, extent.rounds)
        sizes = list(speed.measure_sizes(cache, photos, architecture, extent.sizes))
        figures.speeds.append(SpeedFigures(architecture, feature_pass, sizes))
        tell(figures)
    if SETTINGS in parts:
        figures.settings = list(speed.measure_settings(cache, LITE0))
        tell(figures)
    for architecture in extent.architectures if ACCURACY in parts and has_photos else ():
        for tasks in accuracy.claims(with_folds=extent.with_folds):
            figures.accuracies += accuracy.measure(cache, architecture, tasks)
            tell(figures)


@click.command(help=__doc__)
@click.option("--quick", is_flag=True, help="One network, one round, no folds.")
@click.option("--only", type=click.Choice(PARTS), multiple=True, help="Measure this part alone.")
@click.option("--output", type=click.Path(path_type=Path), help="Write the results there, as JSON.")
def main(*, quick: bool, only: tuple[str, ...], output: Path | None) -> None:
    """Measure, print tables, and write JSON."""
    written = Figures()

    def tell(figures: Figures) -> None:
        nonlocal written
        written = figures
        figures.load = os.getloadavg()
        if output:
            output.write_bytes(msgspec.json.format(msgspec.json.encode(figures), indent=1))

    measure(QUICK if quick else WHOLE, only or PARTS, tell)
    show(written, Console(width=150))


if __name__ == "__main__":
    main()
