import numpy as np
import pytest

from catdog_common.artifact import LABELS, Head, TrainingSettings
from catdog_common.predictor import head_probabilities
from catdog_trainer.data import Photo
from catdog_trainer.features import Features
from catdog_trainer.rows import Rows
from catdog_trainer.train import Epoch, train_head


def features(labels: list[str], matrix: "np.typing.NDArray[np.float64]") -> Features:
    photos = tuple(Photo(f"{n}", label, "training", "", bytes) for n, label in enumerate(labels))
    return Features(photos, Rows.of(matrix.astype(np.float32)), np.zeros((len(photos), 4), np.uint64))


def noise(seed: int) -> Features:
    """Return forty photos of noise, which can be learnt by heart and tell nothing of forty others."""
    matrix = np.random.default_rng(seed).normal(size=(40, 30))
    return features([LABELS[number % 2] for number in range(40)], matrix)


def trained(
    training: Features, validation: Features, epochs: int, patience: int | None = None, seed: int = 42
) -> tuple[Head, list[Epoch]]:
    history: list[Epoch] = []
    settings = TrainingSettings("efficientnet-lite0", 224, epochs, 8, 0.01, seed, patience)
    return train_head(training, validation, settings, history.append), history


def judged(head: Head, photos: Features) -> tuple[float, float]:
    """Return log-loss and accuracy."""
    weights, bias = np.array(head.weights, np.float32), np.array(head.bias, np.float32)
    probabilities = head_probabilities(photos.matrix[:], weights, bias, 1.0)
    columns = [LABELS.index(photo.label) for photo in photos.photos]
    losses = -np.log(probabilities[np.arange(len(columns)), columns])
    return float(losses.mean()), float((probabilities.argmax(axis=1) == columns).mean())


def test_the_rarer_label_is_not_learnt_at_the_cost_of_the_other() -> None:
    """Nine cats to a dog, of one feature each, which overlaps: halfway between, both are as likely by it.

    Unweighted a photo in the middle would be called a cat with 90 %.
    """
    labels = ["cat"] * 1800 + ["dog"] * 200
    chance = np.random.default_rng(1)
    matrix = chance.normal([[-1.0 if label == "cat" else 1.0] for label in labels], 1.0)
    photos = features(labels, matrix)
    settings = TrainingSettings("efficientnet-lite0", 224, 40, 200, 0.05, 42)
    head = train_head(photos, photos, settings, lambda _: None)
    weights, bias = np.array(head.weights, np.float32), np.array(head.bias, np.float32)
    [(cat, _)] = head_probabilities(np.zeros((1, 1), np.float32), weights, bias, 1.0)
    assert 0.4 < cat < 0.6


def test_what_photos_have_in_common_and_the_scale_of_features_change_nothing() -> None:
    training, validation = noise(1), noise(2)
    other = [
        Features(each.photos, Rows.of((1000 * each.matrix[:] + 7).astype(np.float32)), each.hashes)
        for each in (training, validation)
    ]
    (_, history), (_, others) = trained(training, validation, 20), trained(other[0], other[1], 20)
    assert others[-1].val_loss == pytest.approx(history[-1].val_loss, rel=1e-3)


@pytest.mark.parametrize("value", [0.0, 0.1, 1000.3])
def test_features_that_are_all_alike_teach_nothing_and_do_no_harm(value: float) -> None:
    alike = features(["cat", "dog"] * 20, np.full((40, 30), value))
    head, _ = trained(alike, alike, 5)
    assert judged(head, alike) == pytest.approx((np.log(2), 0.5), rel=1e-3)


def test_an_epoch_says_how_the_head_would_do_that_it_ends_with() -> None:
    head, history = trained(noise(1), noise(2), 7)
    assert [each.epoch for each in history] == [1, 2, 3, 4, 5, 6, 7]
    assert (history[-1].val_loss, history[-1].val_accuracy) == pytest.approx(judged(head, noise(2)), rel=1e-5)


def test_it_ends_when_validation_gets_no_better_with_the_head_that_was_best() -> None:
    head, history = trained(noise(1), noise(2), 60, patience=3)
    losses = [each.val_loss for each in history]
    assert len(losses) == losses.index(min(losses)) + 1 + 3 < 60
    assert judged(head, noise(2))[0] == pytest.approx(min(losses), rel=1e-5)


def test_with_patience_left_at_the_end_the_best_head_counts_all_the_same() -> None:
    head, history = trained(noise(1), noise(2), 60, patience=59)
    losses = [each.val_loss for each in history]
    assert len(losses) == 60
    assert judged(head, noise(2))[0] == pytest.approx(min(losses), rel=1e-5)


def test_without_patience_all_epochs_are_done_and_the_last_counts() -> None:
    head, history = trained(noise(1), noise(2), 60)
    losses = [each.val_loss for each in history]
    assert len(losses) == 60
    assert judged(head, noise(2))[0] == pytest.approx(losses[-1], rel=1e-5)
    assert losses[-1] > min(losses)


def test_the_same_seed_gives_the_same_head_to_the_bit_and_another_seed_another() -> None:
    (first, _), (same, _) = trained(noise(1), noise(2), 5), trained(noise(1), noise(2), 5)
    other, _ = trained(noise(1), noise(2), 5, seed=43)
    assert first == same
    assert first != other
