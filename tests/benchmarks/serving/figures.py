"""What was measured, for people and as JSON."""

import statistics
from collections.abc import Iterable, Sequence

import msgspec
from rich.table import Table

from tests.benchmarks.serving.bench import FirstAnswer, Rate
from tests.benchmarks.tables import new_table


class Size(msgspec.Struct, frozen=True):
    """How images of one size are answered."""

    kilobytes: float
    rate: Rate


class Figures(msgspec.Struct):
    """What was measured with one network; rates have every round."""

    architecture: str
    rates: dict[str, list[Rate]]
    limit: str = ""  # the name of the rate that is the limit
    latency_rate: float = 0.0
    latencies: list[float] = []  # seconds
    first_answers: list[FirstAnswer] = []
    sizes: list[Size] = []
    backlogs: dict[int, float] = {}  # records → the most megabytes resident
    other_labels: str = ""

    def ratio(self, one: str, other: str) -> float:
        """Return by how much one rate is another, in the middle of the rounds (each round's ratio counts)."""
        pairs = zip(self.rates[one], self.rates[other], strict=True)
        return statistics.median(first.per_second / second.per_second for first, second in pairs)

    def share(self, one: str, other: str) -> float:
        """Return the same by the processors that others left: comparable also where there are others."""
        pairs = zip(self.rates[one], self.rates[other], strict=True)
        return statistics.median(first.per_processor / second.per_processor for first, second in pairs)


def rates_table(figures: Figures, title: str, lab: str, limit: str) -> Table:
    """Return how fast each way is, beside the lab's and the limit."""
    columns = ("answers/s", "least–most", "× the lab's", "of the limit", "where others left as much")
    took = ("ms of processor", "broker", "others", "peak MB")
    table = new_table(title, "way", *columns, *took)
    for name, rates in figures.rates.items():
        speeds = [each.per_second for each in rates]
        table.add_row(
            name,
            f"{statistics.median(speeds):.1f}",
            f"{min(speeds):.0f}–{max(speeds):.0f}",
            f"{figures.ratio(name, lab):.1f}",
            f"{figures.ratio(name, limit):.0%}",
            f"{figures.share(name, limit):.0%}",
            _median((each.processor_milliseconds for each in rates), form=".2f"),
            _median((each.broker for each in rates), form=".0%"),
            _median((each.others for each in rates), form=".0%"),
            _median((each.peak_megabytes for each in rates), form=".0f"),
        )
    return table


def sizes_table(sizes: Sequence[Size]) -> Table:
    """Return how images of several sizes are answered."""
    table = new_table("By size of the images", "kB", "answers/s", "MB/s", "ms of processor", "peak MB")
    for each in sizes:
        table.add_row(
            f"{each.kilobytes:.0f}",
            f"{each.rate.per_second:.1f}",
            f"{each.rate.per_second * each.kilobytes / 1000:.1f}",
            f"{each.rate.processor_milliseconds:.1f}",
            f"{each.rate.peak_megabytes:.0f}",
        )
    return table


def backlogs_table(backlogs: dict[int, float]) -> Table:
    """Return what memory a worker takes before backlogs of several lengths."""
    table = new_table("Memory by backlog", "records", "peak MB")
    for records, megabytes in backlogs.items():
        table.add_row(f"{records:,}", f"{megabytes:.0f}")
    return table


def _median(values: Iterable[float], form: str) -> str:
    return f"{statistics.median(values):{form}}"
