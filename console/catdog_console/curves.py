"""Lays out how a training goes, epoch by epoch, as lines to be drawn. Pure."""

from collections.abc import Callable, Iterator, Sequence

import msgspec

from catdog_client.cluster.wording import share
from catdog_console.epochs import Epoch

WIDTH, HEIGHT = 320, 160  # of the drawing, with room for figures at its edges
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 8, 10, 22

Figure = Callable[[Epoch], float | None]


class Line(msgspec.Struct, frozen=True):
    """A line: what of, and its points as SVG takes them."""

    of: str  # training, or validation
    points: str
    end: tuple[float, float]  # the last point, which is marked


class Tick(msgspec.Struct, frozen=True):
    """A figure at an edge of the drawing."""

    text: str
    x: float
    y: float


class Chart(msgspec.Struct, frozen=True):
    """A drawing, and what it says for those who don't see it."""

    title: str
    lines: tuple[Line, ...]
    rows: tuple[Tick, ...]  # figures at the left
    columns: tuple[Tick, ...]  # epochs below
    words: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT


def draw_losses(epochs: Sequence[Epoch], planned: int) -> Chart:
    """Return the log-losses of training and validation; `planned` epochs have room."""
    figures: dict[str, Figure] = {"training": lambda e: e.loss, "validation": lambda e: e.val_loss}
    highest = max(_all(epochs, figures), default=1.0)
    return _draw("Log-loss", epochs, planned, figures, (0.0, highest or 1.0), "{:.2f}".format)


def draw_accuracies(epochs: Sequence[Epoch], planned: int) -> Chart:
    """Return the shares of photos that are right, of training and validation."""
    figures: dict[str, Figure] = {"training": lambda e: e.accuracy, "validation": lambda e: e.val_accuracy}
    lowest = min(_all(epochs, figures), default=0.5)
    return _draw("Photos that are right", epochs, planned, figures, (min(lowest, 0.99), 1.0), share)


def _all(epochs: Sequence[Epoch], figures: dict[str, Figure]) -> Iterator[float]:
    for figure in figures.values():
        yield from (value for each in epochs if (value := figure(each)) is not None)


def _draw(
    title: str,
    epochs: Sequence[Epoch],
    planned: int,
    figures: dict[str, Figure],
    bounds: tuple[float, float],
    tell: Callable[[float], str],
) -> Chart:
    last = max(planned, epochs[-1].number if epochs else 1, 2)
    bottom, top = bounds

    def x(number: float) -> float:
        return round(_LEFT + (number - 1) / (last - 1) * (WIDTH - _LEFT - _RIGHT), 1)

    def y(value: float) -> float:
        return round(HEIGHT - _BOTTOM - (value - bottom) / (top - bottom) * (HEIGHT - _TOP - _BOTTOM), 1)

    lines = []
    for of, figure in figures.items():
        points = [(x(each.number), y(value)) for each in epochs if (value := figure(each)) is not None]
        if points:
            lines.append(Line(of, " ".join(f"{across},{down}" for across, down in points), points[-1]))
    rows = tuple(Tick(tell(value), _LEFT - 6, y(value)) for value in (bottom, (bottom + top) / 2, top))
    columns = tuple(Tick(str(number), x(number), HEIGHT - 6) for number in sorted({1, (1 + last) // 2, last}))
    return Chart(title, tuple(lines), rows, columns, _words(title, epochs, figures, tell))


def _words(
    title: str, epochs: Sequence[Epoch], figures: dict[str, Figure], tell: Callable[[float], str]
) -> str:
    if not epochs:
        return f"{title}: no epoch was seen yet"
    told = (
        f"{of} from {tell(first)} to {tell(last)}"
        for of, figure in figures.items()
        if (first := figure(epochs[0])) is not None and (last := figure(epochs[-1])) is not None
    )
    return f"{title} from epoch {epochs[0].number} to {epochs[-1].number}: {', '.join(told)}"
