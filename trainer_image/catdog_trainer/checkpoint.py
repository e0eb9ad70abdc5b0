"""Keeps a network in training on the claim, epoch by epoch, so that an interrupted training goes on.

Files appear whole. They are Keras's own `.weights.h5`, arrays without objects: no code is loaded. Keras's
BackupAndRestore would not know which epoch was the best, and what it writes may be cut off.
"""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import structlog

from catdog_trainer.files import sync, write_whole
from catdog_trainer.train import Epoch

if TYPE_CHECKING:
    import keras

_SUFFIX = ".weights.h5"

_logger = structlog.get_logger(__name__)


class Checkpoints:
    """Weights and optimizer after the last epoch, with a `patience` after the best too, and the history."""

    def __init__(self, directory: Path, patience: int | None = None) -> None:
        """Keep them in `directory`, which need not be there; `patience` is in epochs (see `is_over`)."""
        self._directory = directory
        self._patience = patience
        self.history: list[Epoch] = []

    def restore(self, network: "keras.Model") -> None:
        """Bring a compiled network to where its training was interrupted; where it was not, leave it be.

        Raises:
            OSError: what is kept can't be read.
            ValueError, KeyError: it is of another network. As where HDF5 says OSError, it is removed, so that
                the next attempt begins anew.
        """
        history = self._read_history()
        kept = [epoch for epoch in self._kept() if epoch <= len(history)]
        self.history = history[: kept[-1]] if kept else []
        if self._best() not in kept:  # it was damaged, and the network has gone on from there
            self.history = []
            return
        network.optimizer.build(network.trainable_variables)  # else Keras passes over what is kept of it
        self._load(network, kept[-1])
        _logger.info("training goes on", epochs_done=len(self.history))

    def keep(self, network: "keras.Model", epoch: Epoch) -> None:
        """Take the network as it is after `epoch`."""
        self._directory.mkdir(parents=True, exist_ok=True)
        for trunk in self._directory.glob("*.tflite"):  # made of the network as another attempt had it
            trunk.unlink(missing_ok=True)
        self.history.append(epoch)
        # The history first: weights without it would be an epoch that nobody knows the losses of.
        write_whole(self._directory / "history.json", msgspec.json.encode(self.history))
        with tempfile.TemporaryDirectory() as scratch:  # HDF5 seeks and locks: not on every file system
            path = Path(scratch) / f"state{_SUFFIX}"
            network.save_weights(path)
            write_whole(self._path(epoch.epoch), path.read_bytes())
        sync(self._directory)
        for other in set(self._kept()) - {epoch.epoch, self._best()}:
            self._path(other).unlink(missing_ok=True)

    def is_over(self) -> bool:
        """Return whether the validation log-loss has not become less for `patience` epochs."""
        return self._patience is not None and len(self.history) - self._best() >= self._patience

    def load_chosen(self, network: "keras.Model") -> None:
        """Bring a network from the last epoch to the one that counts: with a `patience` the best."""
        if self._best() != len(self.history):
            self._load(network, self._best())

    def _best(self) -> int:
        if self._patience is None or not self.history:
            return len(self.history)
        return min(self.history, key=lambda epoch: epoch.val_loss).epoch

    def _load(self, network: "keras.Model", epoch: int) -> None:
        content = self._path(epoch).read_bytes()
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / f"state{_SUFFIX}"
            path.write_bytes(content)
            try:
                network.load_weights(path)
            except (OSError, ValueError, KeyError):
                self._path(epoch).unlink(missing_ok=True)
                _logger.warning("epochs can't be used; the next attempt trains them again", epochs=epoch)
                raise

    def _read_history(self) -> list[Epoch]:
        try:
            return msgspec.json.decode((self._directory / "history.json").read_bytes(), type=list[Epoch])
        except (FileNotFoundError, msgspec.DecodeError):
            return []

    def _kept(self) -> list[int]:
        names = (path.name.removesuffix(_SUFFIX) for path in self._directory.glob(f"epoch-*{_SUFFIX}"))
        return sorted(int(name.removeprefix("epoch-")) for name in names)

    def _path(self, epoch: int) -> Path:
        return self._directory / f"epoch-{epoch}{_SUFFIX}"
