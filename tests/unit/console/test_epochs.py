"""The epochs that are kept of a training, and how they are drawn."""

import pytest

from catdog_client.cluster.model import Progress
from catdog_console.curves import HEIGHT, WIDTH, draw_accuracies, draw_losses
from catdog_console.epochs import Epoch, Epochs, note_progress


def at(epoch: int | None, hash_: str = "h", loss: float | None = 0.5) -> Progress:
    return Progress(hash=hash_, stage="Epochs", epoch=epoch, epochs=20, loss=loss, val_loss=loss)


def numbers(epochs: Epochs) -> list[int]:
    return [each.number for each in epochs.seen]


def test_each_epoch_is_kept_once_and_outlives_the_training() -> None:
    epochs = Epochs()
    for progress in (at(None), at(1), at(2), at(2), at(4), None):
        epochs = note_progress(epochs, progress)
    assert numbers(epochs) == [1, 2, 4]


def test_another_training_begins_anew() -> None:
    epochs = note_progress(note_progress(Epochs(), at(7)), at(1, "other"))
    assert (epochs.hash, numbers(epochs)) == ("other", [1])


def test_a_training_that_went_back_is_drawn_as_it_is_now() -> None:
    epochs = Epochs()
    for progress in (at(1), at(2), at(3), at(2, loss=0.1)):
        epochs = note_progress(epochs, progress)
    assert [(each.number, each.val_loss) for each in epochs.seen] == [(1, 0.5), (2, 0.1)]


def test_an_epoch_that_is_not_measured_yet_is_none() -> None:
    assert note_progress(Epochs(), at(1, loss=None)) == Epochs("h")


SEEN = (Epoch(1, 0.8, 0.6, 0.7, 0.65), Epoch(5, 0.4, 0.8, 0.35, 0.85))


def test_a_chart_has_its_lines_within_it_and_room_for_the_epochs_to_come() -> None:
    for chart in (draw_losses(SEEN, 9), draw_accuracies(SEEN, 9)):
        assert [line.of for line in chart.lines] == ["training", "validation"]
        for line in chart.lines:
            points = [tuple(map(float, each.split(","))) for each in line.points.split()]
            assert [x for x, _ in points] == [52.0, 182.0], "half of the nine epochs are done"
            assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in points)
        assert [tick.text for tick in chart.columns] == ["1", "5", "9"]


def test_a_chart_says_what_it_shows() -> None:
    assert draw_losses(SEEN, 9).words == (
        "Log-loss from epoch 1 to 5: training from 0.80 to 0.40, validation from 0.70 to 0.35"
    )
    words = draw_accuracies(SEEN, 9).words
    assert words.startswith("Photos that are right from epoch 1 to 5: training from 60.0%")


@pytest.mark.parametrize("epoch", [Epoch(1, 0.0, 1.0, 0.0, 1.0), Epoch(1, None, None, 0.3, 0.5)])
def test_a_single_epoch_and_the_best_of_all_can_be_drawn(epoch: Epoch) -> None:
    for chart in (draw_losses([epoch], 1), draw_accuracies([epoch], 1)):
        assert chart.lines[-1].of == "validation"
        assert "nan" not in chart.lines[-1].points
