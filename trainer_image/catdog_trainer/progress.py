"""Says how far the training is and when it will be done, about once a second."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec

from catdog_common.training import Progress, Stage
from catdog_trainer.train import Epoch

_SECONDS_BETWEEN = 1.0

# What is still to come is reckoned in photos that pass the trunk, as these tell how fast the machine is, and
# how busy. Measured on two processors, with Lite2; the epochs of a head hardly count.
_FLOAT32_PHOTOS = 1.5  # in whose time one passes the float32 trunk
_FITTING_PHOTOS = 1000  # in whose time the rule for unknown is fitted, and the version's pictures are drawn
_FITTING_SECONDS = 5.0  # that this takes at least


class Estimate(NamedTuple):
    """What was said of a whole training's time: so many seconds, after so many of them."""

    after: float
    total: float


class ProgressReporter:
    """Turns stages, photos and epochs into `Progress`, and gives it to `emit`."""

    def __init__(self, emit: Callable[[Progress], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._emit = emit
        self._clock = clock
        self._stage = Progress("Starting")
        self._began = self._last = clock()
        self._epoch_ended: float | None = None  # the last one of the stage
        self._mark = (self._began, 0)  # from when the stage's pace counts, and the photos done until then
        self._known_photos = 0
        self._passes_a_photo = 1.0  # of this stage, on average
        self._photo_seconds = 0.0  # that a photo takes to pass the trunk, once
        self._compared_photos = self._measured_photos = 0
        self._is_tuning_ahead, self._photos_anew = False, 0
        self._estimates: list[Estimate] = []

    def start(
        self,
        stage: Stage,
        photos: int | None = None,
        epochs: int | None = None,
        known: int = 0,
        passes: int | None = None,
    ) -> None:
        """Say that a stage begins, and how much there is to do in it; `known` of the photos take no time.

        All photos together pass the trunk `passes` times; by default each does once.
        """
        self._passes_a_photo = passes / photos if passes and photos else 1.0
        self._mark, self._known_photos, self._epoch_ended = (self._clock(), 0), known, None
        if stage == "Features":
            self._photos_anew = 0
        done = None if photos is None else 0
        self._say(Progress(stage, photos=done, total_photos=photos, epochs=epochs))

    def photo(self) -> None:
        """Count one photo of the stage as done."""
        done = (self._stage.photos or 0) + 1
        self._stage = msgspec.structs.replace(self._stage, photos=done)
        if self._is_time() or done == self._stage.total_photos:
            each = self._seconds_each(done)
            self._say(
                msgspec.structs.replace(
                    self._stage,
                    photos_per_second=round(1 / each, 1),
                    estimated_completion_time=self._completion_by_photos(done, each),
                )
            )
        if done == self._known_photos:  # a training that goes on meets those first that it has passed already
            self._mark = (self._clock(), done)

    def epoch(self, epoch: Epoch) -> None:
        """Say what an epoch ended with; of those that end within a second of another, only the last."""
        before, self._epoch_ended = self._epoch_ended, self._clock()
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
                    estimated_completion_time=self._completion_by_epochs(epochs - epoch.epoch, before),
                )
            )

    def expect_comparing(self, photos: int) -> None:
        """Reckon that `photos` pass the float32 trunk after the features."""
        self._compared_photos = photos

    def expect_measuring(self, photos: int) -> None:
        """Reckon that measuring passes `photos` at the pace of the features."""
        self._measured_photos = photos

    def expect_tuning(self) -> None:
        """Say no time before the network is tuned, whose epochs are of another kind, and longer."""
        self._is_tuning_ahead = True

    def begin_tuning(self, passes: int) -> None:
        """Say times again, and reckon that photos pass the network so often once it is tuned."""
        self._is_tuning_ahead, self._photos_anew = False, passes

    def seconds(self) -> float:
        """Return how long the training has taken."""
        return self._clock() - self._began

    def estimates(self) -> tuple[Estimate, ...]:
        """Return the first estimate, and those after a quarter, half and three quarters of what followed."""
        if not self._estimates:
            return ()
        first, end = self._estimates[0].after, self.seconds()
        moments = (first + quarters * (end - first) / 4 for quarters in range(4))
        return tuple(max(each for each in self._estimates if each.after <= moment) for moment in moments)

    def _seconds_each(self, done: int) -> float:
        since, done_before = self._mark
        return max(self._clock() - since, 1e-9) / max(done - done_before, 1)

    def _completion_by_photos(self, done: int, each: float) -> str | None:
        left = ((self._stage.total_photos or done) - done) * each
        if self._stage.stage == "Features":
            self._photo_seconds = each / self._passes_a_photo
            compared = self._photo_seconds * _FLOAT32_PHOTOS * self._compared_photos
            return self._in(left + compared + self._after_epochs())
        return self._in(left) if self._stage.stage == "Measuring" else None

    def _completion_by_epochs(self, left: int, before: float | None) -> str | None:
        """Reckon by the last epoch alone: those of an interrupted training are told all at once."""
        if before is None:
            return None  # the first took TensorFlow's start as well, and says nothing of the others
        return self._in((self._clock() - before) * left + self._after_epochs())

    def _after_epochs(self) -> float:
        fitting = max(_FITTING_SECONDS, _FITTING_PHOTOS * self._photo_seconds)
        return fitting + self._photo_seconds * (self._photos_anew + self._measured_photos)

    def _in(self, seconds: float) -> str | None:
        if self._is_tuning_ahead:
            return None
        self._estimates.append(Estimate(self.seconds(), self.seconds() + seconds))
        then = datetime.now(UTC) + timedelta(seconds=seconds)
        return then.isoformat(timespec="seconds").replace("+00:00", "Z")

    def _is_time(self) -> bool:
        return self._clock() - self._last >= _SECONDS_BETWEEN

    def _say(self, progress: Progress) -> None:
        self._stage = progress
        self._last = self._clock()
        self._emit(progress)
