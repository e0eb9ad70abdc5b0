"""How far a training is, as a page says and draws it. Pure."""

from collections.abc import Iterator
from datetime import datetime

from catdog_client.cluster.model import Progress
from catdog_client.cluster.wording import extent, share, span
from catdog_console.curves import Chart, draw_accuracies, draw_losses
from catdog_console.epochs import Epoch, Epochs
from catdog_console.written import View, clock


class TrainingView(View, frozen=True):
    """How far a training is."""

    stage: str
    done: int
    total: int  # 0: not known
    figures: tuple[tuple[str, str], ...]
    charts: tuple[Chart, ...]
    epochs: tuple[Epoch, ...]


def view_training(progress: Progress, epochs: Epochs, now: datetime) -> TrainingView:
    """Return how far a training is at a moment, with the epochs that were seen of it."""
    done, total = extent(progress)
    seen = epochs.seen if epochs.hash == progress.hash else ()
    planned = progress.epochs or 0
    return TrainingView(
        stage=progress.stage or "Starting",
        done=min(done or 0, total or 0),
        total=total or 0,
        figures=tuple(_figures(progress, now)),
        charts=(draw_losses(seen, planned), draw_accuracies(seen, planned)) if seen else (),
        epochs=seen,
    )


def _figures(progress: Progress, now: datetime) -> Iterator[tuple[str, str]]:
    done, total = extent(progress)
    if total:
        what = "Epoch" if progress.epochs is not None and progress.total_photos is None else "Photos"
        yield what, f"{done} of {total}"
    if progress.val_accuracy is not None:
        yield "Validation photos right", share(progress.val_accuracy)
    if progress.val_loss is not None:
        yield "Validation log-loss", f"{progress.val_loss:.3f}"
    if progress.photos_per_second is not None:
        yield "Photos a second", f"{progress.photos_per_second:.0f}"
    if (end := progress.estimated_completion_time) is not None:
        yield "Time left", f"about {span(end - now)}, until {clock(end)}"
