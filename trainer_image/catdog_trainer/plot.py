"""Draws the curves of a training: log-loss and accuracy by epoch, on training and validation photos.

Here is also what all pictures of a version have in common.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from catdog_trainer.train import Epoch

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TRAINING, VALIDATION, INK, GRID = "#1f77b4", "#e8590c", "#333333", "#e6e6e6"


def draw_history(history: Sequence[Epoch], title: str, path: Path) -> None:
    """Write a PNG with the curves of `history`."""
    with figure_for(path, title) as figure:
        losses, accuracies = figure.subplots(1, 2)
        epochs = [epoch.epoch for epoch in history]
        _draw(losses, "log-loss (nats)", epochs, [e.loss for e in history], [e.val_loss for e in history])
        losses.set_ylim(bottom=0)
        _draw(
            accuracies,
            "accuracy (%)",
            epochs,
            [100 * epoch.accuracy for epoch in history],
            [100 * epoch.val_accuracy for epoch in history],
        )


@contextmanager
def figure_for(path: Path, title: str, width: float = 11) -> Iterator["Figure"]:
    """Give a figure of `width` inches to draw on, then write it as a PNG."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - takes a second, and not every run draws

    figure = Figure(figsize=(width, 4.4), dpi=120)
    # Fixed margins: matplotlib's own layouts draw everything twice, to measure it.
    side, across = 0.7 / width, 0.2
    figure.subplots_adjust(left=side, right=1 - 0.3 * side, bottom=0.12, top=0.83, wspace=across, hspace=0.3)
    yield figure
    figure.suptitle(title, fontsize=12, color=INK)
    figure.savefig(path)  # as its ending says, without a screen


def style(axes: "Axes", name: str) -> None:
    """Give axes a name and what all of them have in common."""
    axes.set_title(name, fontsize=11, color=INK, loc="left")
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=INK)


def _draw(axes: "Axes", name: str, epochs: list[int], training: list[float], validation: list[float]) -> None:
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415 - as above

    for label, values, colour in (
        ("training", training, TRAINING),
        ("validation", validation, VALIDATION),
    ):
        axes.plot(epochs, values, color=colour, linewidth=2, marker="o", markersize=3.5, label=label)
    style(axes, name)
    axes.set_xlabel("epoch", color=INK)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.legend(frameon=False)
