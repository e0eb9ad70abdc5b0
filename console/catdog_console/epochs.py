"""Keeps the epochs of a training that the status told of: the status itself has the last one alone."""

import msgspec

from catdog_client.cluster.model import Progress

_MOST = 2000  # that are kept of a training; more than anyone asks for


class Epoch(msgspec.Struct, frozen=True):
    """What a training reached by an epoch; losses mean log-losses in nats, accuracies fractions."""

    number: int
    loss: float | None = None
    accuracy: float | None = None
    val_loss: float | None = None
    val_accuracy: float | None = None


class Epochs(msgspec.Struct, frozen=True):
    """The epochs seen of the training of the settings `hash`, each once, ascending."""

    hash: str = ""
    seen: tuple[Epoch, ...] = ()


def note_progress(epochs: Epochs, progress: Progress | None) -> Epochs:
    """Return the epochs with the one that a training is at now; those of another training are dropped.

    A training that begins anew, as after an eviction, goes on where it was: what is told again counts.
    """
    if progress is None:
        return epochs
    if progress.hash != epochs.hash:
        epochs = Epochs(progress.hash)
    if not progress.epoch or progress.val_loss is None:
        return epochs
    epoch = Epoch(progress.epoch, progress.loss, progress.accuracy, progress.val_loss, progress.val_accuracy)
    before = tuple(each for each in epochs.seen if each.number < epoch.number)
    return Epochs(epochs.hash, (*before, epoch)[-_MOST:])
