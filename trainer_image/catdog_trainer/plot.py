"""Draws the curves of a training: log-loss and accuracy by epoch, on training and validation photos."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from catdog_trainer.train import Epoch

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TRAINING, _VALIDATION, _INK, _GRID = "#1f77b4", "#e8590c", "#333333", "#e6e6e6"


def draw_history(history: Sequence[Epoch], title: str, path: Path) -> None:
    """Write a PNG with the curves of `history`."""
    import matplotlib as mpl  # noqa: PLC0415 - takes a second, and a run that finds its version needs none

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415 - as above

    figure, (losses, accuracies) = plt.subplots(1, 2, figsize=(11, 4.4), dpi=120, layout="constrained")
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
    figure.suptitle(title, fontsize=12, color=_INK)
    figure.savefig(path)
    plt.close(figure)


def _draw(axes: "Axes", name: str, epochs: list[int], training: list[float], validation: list[float]) -> None:
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415 - as above

    for label, values, colour in (
        ("training", training, _TRAINING),
        ("validation", validation, _VALIDATION),
    ):
        axes.plot(epochs, values, color=colour, linewidth=2, marker="o", markersize=3.5, label=label)
    axes.set_title(name, fontsize=11, color=_INK, loc="left")
    axes.set_xlabel("epoch", color=_INK)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.grid(color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=_INK)
    axes.legend(frameon=False)
