"""What was measured: written by the trainer's Python, read where there is no TensorFlow."""

import statistics

import msgspec


class Trained(msgspec.Struct, frozen=True):
    """One run of the trainer as a process."""

    version: int
    seconds: float
    stages: dict[str, float]  # seconds by stage; before the first, Python starts and imports
    peak_megabytes: float  # resident
    anonymous_megabytes: float  # the most that is mapped from no file: the kernel can't take it back


class Accuracy(msgspec.Struct, frozen=True):
    """What a variant of the training reached in a task.

    The log-loss, in nats, is that of photos which the temperature was not fitted on, where it was fitted.
    """

    task: str
    architecture: str
    variant: str
    photos: int
    correct: int
    log_loss: float
    unknown: int

    @property
    def share(self) -> float:
        """The share that is right."""
        return self.correct / self.photos


class PassRound(msgspec.Struct, frozen=True):
    """The whole feature pass and the flatbuffer alone: photos a second, milliseconds of processor a photo."""

    whole: float
    bare: float
    whole_milliseconds: float
    bare_milliseconds: float


class LabRound(msgspec.Struct, frozen=True):
    """The lab's network in training: photos a second, milliseconds of processor a photo."""

    per_second: float
    milliseconds: float


class PassFigures(msgspec.Struct, frozen=True):
    """Rounds in which the feature pass, the flatbuffer alone and the lab's network took turns."""

    rounds: list[PassRound]
    lab: list[LabRound]

    @property
    def of_bare(self) -> float:
        """Which part of the flatbuffer's photos a second the whole pass reaches, in the middle round."""
        return statistics.median(each.whole / each.bare for each in self.rounds)

    @property
    def of_bare_by_processor(self) -> float:
        """The same by the processor's time, of which others on the machine take nothing."""
        return statistics.median(each.bare_milliseconds / each.whole_milliseconds for each in self.rounds)

    @property
    def of_lab(self) -> float:
        """How many times the lab's photos a second the whole pass has, in the middle round."""
        pairs = zip(self.rounds, self.lab, strict=True)
        return statistics.median(each.whole / lab.per_second for each, lab in pairs)

    @property
    def of_lab_by_processor(self) -> float:
        """The same by the processor's time."""
        pairs = zip(self.rounds, self.lab, strict=True)
        return statistics.median(lab.milliseconds / each.whole_milliseconds for each, lab in pairs)


class SettingsTimes(msgspec.Struct, frozen=True):
    """Seconds for a conversion; photos a second in training on top of the frozen network."""

    conversion_seconds: float
    frozen_photos_per_second: float


class SettingsFigures(msgspec.Struct, frozen=True):
    """What TensorFlow takes with so many threads, with oneDNN or without."""

    threads: int
    onednn: bool
    times: SettingsTimes


class Repeated(msgspec.Struct, frozen=True):
    """A training on photos that were never seen, and another on the same photos with another hash."""

    photos: int
    first: Trained
    again: Trained


class SpeedFigures(msgspec.Struct):
    """What was measured of the speed of one network."""

    architecture: str
    feature_pass: PassFigures
    sizes: list[Repeated]

    @property
    def seconds_a_photo(self) -> float:
        """What one more photo takes in a first training: the slope of the line through the sizes measured."""
        slope, _ = self._line()
        return slope

    @property
    def bend(self) -> float:
        """By which part of itself a first training's time is off that line at the most."""
        slope, offset = self._line()
        return max(abs(each.first.seconds / (slope * each.photos + offset) - 1) for each in self.sizes)

    def projected_seconds(self, photos: int) -> float:
        """Return what a first training on so many photos would take by that line."""
        slope, offset = self._line()
        return slope * photos + offset

    def _line(self) -> tuple[float, float]:
        fitted = statistics.linear_regression(
            [each.photos for each in self.sizes], [each.first.seconds for each in self.sizes]
        )
        return fitted.slope, fitted.intercept


class Figures(msgspec.Struct):
    """All of a run."""

    accuracies: list[Accuracy] = []
    speeds: list[SpeedFigures] = []
    settings: list[SettingsFigures] = []
    load: tuple[float, float, float] = (0.0, 0.0, 0.0)  # of the machine, at the end
