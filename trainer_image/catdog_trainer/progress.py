"""Says how far the training is and when it will be done, about once a second."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec

from catdog_common.training import Progress, Stage
from catdog_trainer.train import Epoch

_SECONDS_BETWEEN = 1.0


class ProgressReporter:
    """Turns stages, photos and epochs into `Progress`, and gives it to `emit`."""

    def __init__(self, emit: Callable[[Progress], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._emit = emit
        self._clock = clock
        self._stage = Progress("Starting")
        self._started = self._last = clock()
        self._first_epoch_ended = self._started
        self._measuring_seconds: float | None = None  # what the last pass over photos is expected to take

    def start(self, stage: Stage, photos: int | None = None, epochs: int | None = None) -> None:
        """Say that a stage begins, and how much there is to do in it."""
        self._started = self._clock()
        done = None if photos is None else 0
        self._say(Progress(stage, photos=done, total_photos=photos, epochs=epochs))

    def photo(self) -> None:
        """Count one photo of the stage as done."""
        done = (self._stage.photos or 0) + 1
        self._stage = msgspec.structs.replace(self._stage, photos=done)
        if self._is_time() or done == self._stage.total_photos:
            rate = done / max(self._clock() - self._started, 1e-9)
            self._say(
                msgspec.structs.replace(
                    self._stage,
                    photos_per_second=round(rate, 1),
                    estimated_completion_time=self._completion_by_photos(done, rate),
                )
            )

    def epoch(self, epoch: Epoch) -> None:
        """Say what an epoch ended with; of those that end within a second of another, only the last."""
        if epoch.epoch == 1:
            self._first_epoch_ended = self._clock()
        if self._is_time() or epoch.epoch == self._stage.epochs:
            epochs = self._stage.epochs or epoch.epoch
            self._say(
                Progress(
                    "Epochs",
                    epoch=epoch.epoch,
                    epochs=epochs,
                    loss=round(epoch.loss, 6),
                    accuracy=round(epoch.accuracy, 6),
                    val_loss=round(epoch.val_loss, 6),
                    val_accuracy=round(epoch.val_accuracy, 6),
                    estimated_completion_time=self._completion_by_epochs(epoch.epoch, epochs),
                )
            )

    def expect_measuring(self, photos: int) -> None:
        """Reckon that measuring passes `photos` at the present stage's rate."""
        done, elapsed = self._stage.photos or 0, self._clock() - self._started
        self._measuring_seconds = elapsed * photos / done if done else None

    def _completion_by_photos(self, done: int, rate: float) -> str | None:
        if self._stage.stage not in ("Features", "Measuring") or self._stage.total_photos is None:
            return None  # what follows is of another kind, and takes longer
        seconds = (self._stage.total_photos - done) / rate
        return _at(seconds) if self._stage.stage == "Measuring" else self._in(seconds)

    def _completion_by_epochs(self, done: int, epochs: int) -> str | None:
        if done == 1:
            return None  # the first took TensorFlow's start as well, and says nothing of the others
        each = (self._clock() - self._first_epoch_ended) / (done - 1)
        return self._in(each * (epochs - done))

    def _in(self, seconds: float) -> str:
        return _at(seconds + (self._measuring_seconds or 0.0))

    def _is_time(self) -> bool:
        return self._clock() - self._last >= _SECONDS_BETWEEN

    def _say(self, progress: Progress) -> None:
        self._stage = progress
        self._last = self._clock()
        self._emit(progress)


def _at(seconds: float) -> str:
    then = datetime.now(UTC) + timedelta(seconds=seconds)
    return then.isoformat(timespec="seconds").replace("+00:00", "Z")
