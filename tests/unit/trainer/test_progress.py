from datetime import UTC, datetime

import pytest

from catdog_common.training import Progress
from catdog_trainer.progress import ProgressReporter
from catdog_trainer.train import Epoch

FITTING = 100.0  # seconds, of the rule and the pictures, where a photo takes 0.1


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class Training:
    """A reporter with a clock that only moves when told to, and what it said."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.said: list[Progress] = []
        self.said_at: list[datetime] = []
        self.report = ProgressReporter(self._note, self.clock)

    def _note(self, progress: Progress) -> None:
        self.said.append(progress)
        self.said_at.append(datetime.now(UTC))

    def seconds_left(self, number: int) -> float:
        """Return how long it was to take from when it said this."""
        told = self.said[number].estimated_completion_time
        assert told is not None
        return (datetime.fromisoformat(told) - self.said_at[number]).total_seconds()

    def photos(self, count: int, seconds_each: float) -> None:
        for _ in range(count):
            self.clock.seconds += seconds_each
            self.report.photo()

    def epochs(self, count: int, seconds_each: float) -> None:
        for number in range(1, count + 1):
            self.clock.seconds += seconds_each
            self.report.epoch(Epoch(number, 0.5, 0.9, 0.6, 0.8))


def test_every_stage_is_told_at_its_start_however_soon_it_follows() -> None:
    training = Training()
    training.report.start("Loading")
    training.report.start("Features", photos=12)
    assert training.said == [Progress("Loading"), Progress("Features", photos=0, total_photos=12)]


def test_photos_are_told_once_a_second_and_at_the_end() -> None:
    training = Training()
    training.report.start("Features", photos=1050)
    training.photos(1050, seconds_each=0.01)
    told = training.said[1:]
    assert 10 <= len(told) <= 12
    assert told[-1].photos == 1050
    assert told[-1].photos_per_second == 100


def test_the_time_left_counts_what_follows_the_features_by_the_pace_of_the_features() -> None:
    training = Training()
    training.report.expect_comparing(100)
    training.report.expect_measuring(200)
    training.report.start("Features", photos=1000)
    training.photos(500, seconds_each=0.1)
    assert 50 + FITTING + 15 + 20 - 2 < training.seconds_left(-1) < 50 + FITTING + 15 + 20 + 2
    training.photos(500, seconds_each=0.1)
    training.report.start("Epochs", epochs=20)
    training.epochs(20, seconds_each=2)
    assert FITTING + 20 - 2 < training.seconds_left(-1) < FITTING + 20 + 1
    assert FITTING + 40 - 2 < training.seconds_left(-1 - 10) < FITTING + 40 + 1


def test_a_training_on_photos_that_are_known_takes_its_time_for_the_rest() -> None:
    training = Training()
    training.report.start("Features", photos=1000, known=1000)
    training.photos(1000, seconds_each=0.0001)
    assert 3 < training.seconds_left(-1) < 6


def test_a_training_that_goes_on_reckons_by_the_photos_that_are_new() -> None:
    training = Training()
    training.report.start("Features", photos=5000, known=4000)
    training.photos(4000, seconds_each=0.0001)
    training.photos(200, seconds_each=0.1)
    assert 80 + FITTING - 2 < training.seconds_left(-1) < 80 + FITTING + 2
    assert training.said[-1].photos_per_second == 10


def test_what_was_estimated_is_told_beside_what_it_took() -> None:
    training = Training()
    training.report.start("Loading")
    training.clock.seconds = 20
    training.report.start("Features", photos=1000)
    training.photos(500, seconds_each=0.1)
    training.photos(500, seconds_each=0.04)
    training.clock.seconds += 60
    assert training.report.seconds() == pytest.approx(150)
    first, quarter, half, three_quarters = training.report.estimates()
    assert (first.after, first.total) == pytest.approx((21, 120 + FITTING), abs=4)
    assert (quarter.after, quarter.total) == pytest.approx((53, 120 + FITTING), abs=4)
    assert half.after == pytest.approx(85, abs=2)
    assert (three_quarters.after, three_quarters.total) == pytest.approx((90, 90 + 0.7 * FITTING), abs=1)


def test_where_nothing_was_estimated_nothing_is_told_of_it() -> None:
    training = Training()
    training.report.start("Loading")
    assert training.report.estimates() == ()


def test_the_first_epoch_says_nothing_of_when_the_others_will_be_done() -> None:
    training = Training()
    training.report.start("Epochs", epochs=3)
    training.epochs(1, seconds_each=9)
    assert training.said[-1] == Progress(
        "Epochs", epoch=1, epochs=3, loss=0.5, accuracy=0.9, val_loss=0.6, val_accuracy=0.8
    )


def test_a_network_that_goes_on_with_its_21st_epoch_reckons_by_what_that_takes() -> None:
    training = Training()
    training.report.start("Epochs", epochs=32)
    training.clock.seconds += 30
    training.epochs(20, seconds_each=0)
    for number, seconds in ((21, 70), (22, 60)):
        training.clock.seconds += seconds
        training.report.epoch(Epoch(number, 0.5, 0.9, 0.6, 0.8))
    assert 11 * 70 <= training.seconds_left(-2) < 11 * 70 + 10
    assert 10 * 60 <= training.seconds_left(-1) < 10 * 60 + 10


def test_photos_in_several_views_take_longer_than_those_that_follow_in_one() -> None:
    training = Training()
    training.report.expect_measuring(200)
    training.report.start("Features", photos=1000, passes=2500)
    training.photos(500, seconds_each=0.25)
    assert 125 + FITTING + 20 - 2 < training.seconds_left(-1) < 125 + FITTING + 20 + 2


def test_short_epochs_are_told_once_a_second_and_the_last_always() -> None:
    training = Training()
    training.report.start("Epochs", epochs=99)
    training.epochs(99, seconds_each=0.125)
    assert [progress.epoch for progress in training.said[1:]] == [*range(8, 99, 8), 99]


def test_no_time_is_told_while_a_network_is_still_to_be_tuned() -> None:
    training = Training()
    training.report.expect_tuning()
    training.report.start("Features", photos=100)
    training.photos(100, seconds_each=0.1)
    training.report.begin_tuning(passes=500)
    assert {each.estimated_completion_time for each in training.said} == {None}
    training.report.start("Epochs", epochs=4)
    training.epochs(4, seconds_each=60)
    assert 60 + 50 + FITTING - 2 < training.seconds_left(-2) < 60 + 50 + FITTING + 2
    training.report.start("Features", photos=500)
    training.photos(500, seconds_each=0.1)
    assert FITTING - 2 < training.seconds_left(-1) < FITTING + 2
