"""Draws an evaluation: what was taken for what, how far confidence can be trusted, and the ROC."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from catdog_common.artifact import LABELS
from catdog_trainer.evaluation import CalibrationBin, Roc, calibration_bins, roc_curve, wilson_interval
from catdog_trainer.measure import Measurement
from catdog_trainer.plot import GRID, INK, TRAINING, figure_for, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_evaluation(measured: Measurement, title: str, path: Path) -> None:
    """Write a PNG of what was measured, on photos of both labels."""
    probabilities = np.stack([answer.probabilities for answer in measured.answers])
    true = np.array([LABELS.index(answer.photo.label) for answer in measured.answers])
    bins = calibration_bins(probabilities.max(axis=1), probabilities.argmax(axis=1) == true)
    roc = roc_curve(probabilities[:, 1], true == 1)
    with figure_for(path, title, width=15) as figure:
        axes = figure.subplot_mosaic(
            [["confusion", "calibration", "roc"], ["confusion", "counts", "roc"]],
            height_ratios=(3, 1),
            width_ratios=(1, 1.2, 1.1),
        )
        _draw_confusion(axes["confusion"], measured.metrics.confusion)
        _draw_calibration(axes["calibration"], bins)
        _draw_counts(axes["counts"], bins)
        _draw_roc(axes["roc"], roc)


def _draw_confusion(axes: "Axes", confusion: Mapping[str, Mapping[str, int]]) -> None:
    """Draw photos by label (rows) and answer (columns), coloured by the share of the label's photos."""
    answered = list(next(iter(confusion.values())))
    counts = np.array([[row[answer] for answer in answered] for row in confusion.values()])
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    style(axes, "what was taken for what (photos)")
    axes.grid(visible=False)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (row, column), share in np.ndenumerate(shares):
        text = f"{counts[row, column]}\n{100 * share:.1f} %"
        colour = "white" if share > 0.5 else INK
        axes.text(column, row, text, ha="center", va="center", fontsize=12, color=colour)
    axes.set_xticks(range(len(answered)), answered)
    axes.set_yticks(range(len(confusion)), list(confusion))
    _name(axes, "answer", "label")


def _draw_calibration(axes: "Axes", bins: Sequence[CalibrationBin]) -> None:
    style(axes, "calibration: how often answers of a confidence are right")
    axes.plot((50, 100), (50, 100), color=INK, linewidth=1, linestyle="--", label="what would be perfect")
    sure, right = [100 * each.confidence for each in bins], [100 * each.accuracy for each in bins]
    for each, across in zip(bins, sure, strict=True):
        lowest, highest = wilson_interval(each.right, each.photos)
        axes.plot((across, across), (100 * lowest, 100 * highest), color=TRAINING, linewidth=1, alpha=0.5)
    axes.plot(
        sure, right, color=TRAINING, linewidth=2, marker="o", markersize=5, label="measured, 95 % interval"
    )
    axes.set_xlim(50, 101)
    axes.set_ylim(0, 102)
    axes.legend(frameon=False, loc="lower right")
    _name(axes, "", "right (%)")


def _draw_counts(axes: "Axes", bins: Sequence[CalibrationBin]) -> None:
    """Draw how many photos each point of the calibration rests on."""
    style(axes, "")
    for each in bins:
        middle, width = 50 * (each.lower + each.upper), 90 * (each.upper - each.lower)
        axes.bar(middle, each.photos, width=width, color=TRAINING, alpha=0.6)
        axes.text(middle, each.photos, str(each.photos), ha="center", va="bottom", fontsize=8, color=INK)
    axes.set_yscale("log")
    axes.set_ylim(0.5, 4 * max(each.photos for each in bins))
    axes.set_xlim(50, 101)
    _name(axes, "confidence: the probability of the answer (%)", "photos")


def _draw_roc(axes: "Axes", roc: Roc) -> None:
    style(axes, f"ROC of dogs, area under the curve {roc.auc:.4f}")
    axes.plot((0, 100), (0, 100), color=GRID, linewidth=1.5, linestyle="--")
    false, true = 100 * roc.false_positive_rate, 100 * roc.true_positive_rate
    axes.plot(false, true, color=TRAINING, linewidth=2, clip_on=False)
    axes.set_xlim(0, 100)
    axes.set_ylim(0, 100)
    _name(axes, "cats taken for dogs (%)", "dogs found (%)")


def _name(axes: "Axes", across: str, up: str) -> None:
    axes.set_xlabel(across, color=INK)
    axes.set_ylabel(up, color=INK)
