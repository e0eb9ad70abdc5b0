"""Epochs of a network in training; `tests/trainer/check_networks.py` tries them on real ones."""

from pathlib import Path
from typing import Any, cast
from unittest.mock import Mock

import msgspec
import pytest

from catdog_common.artifact import TRUNK_FILE
from catdog_trainer.checkpoint import Checkpoints
from catdog_trainer.data import Dataset
from catdog_trainer.progress import ProgressReporter
from catdog_trainer.retention import keep_only
from catdog_trainer.run import Run
from catdog_trainer.train import Epoch
from catdog_trainer.trunk import float32_path
from tests.unit.trainer.builders import photo, put
from tests.unit.trainer.test_room import config

BEST, LAST = Epoch(1, 0.1, 0.9, 0.2, 0.8), Epoch(2, 0.1, 0.9, 0.3, 0.8)


class Network:
    """What has weights to save and to load, and no more."""

    optimizer = trainable_variables = Mock()

    def save_weights(self, path: Path) -> None:
        path.write_bytes(b"weights")

    def load_weights(self, path: Path) -> None:
        if path.read_bytes() != b"weights":
            raise ValueError("damaged")


def attempt(directory: Path) -> list[int]:
    """Go on as the next pod does; return which epochs it trains."""
    network, checkpoints, trained = cast("Any", Network()), Checkpoints(directory, patience=1), list[int]()
    checkpoints.restore(network)
    for epoch in (BEST, LAST)[len(checkpoints.history) :]:
        checkpoints.keep(network, epoch)
        trained.append(epoch.epoch)
    checkpoints.load_chosen(network)
    return trained


def test_where_the_best_epoch_is_damaged_the_next_attempt_begins_anew(tmp_path: Path) -> None:
    """Else no attempt would come past it: the last one is there, and says that all is done."""
    assert attempt(tmp_path) == [1, 2]
    assert attempt(tmp_path) == []
    put(tmp_path / "epoch-1.weights.h5", b"no HDF5")
    with pytest.raises(ValueError, match="damaged"):
        attempt(tmp_path)
    assert attempt(tmp_path) == [1, 2]


def test_a_history_that_is_damaged_is_none(tmp_path: Path) -> None:
    assert attempt(tmp_path) == [1, 2]
    put(tmp_path / "history.json", b"[{")
    assert attempt(tmp_path) == [1, 2]


def test_epochs_on_photos_that_were_resized_otherwise_are_not_gone_on_with(tmp_path: Path) -> None:
    """Else a version would say of all photos that it learnt from what is so of its last epochs alone."""
    settings = msgspec.structs.replace(config("cnn", fine_tune=False), storage_dir=str(tmp_path))
    run = Run(settings, None, 1, ProgressReporter(lambda _: None))
    dataset = Dataset("here", (), (photo(1, "cat", "training"), photo(2, "dog", "training")))
    photos = dataset.digest().removeprefix("sha256:")[:16]
    former = settings.work_dir / "network" / photos  # where releases that knew one way kept them
    assert attempt(former) == [1, 2]
    assert attempt(keep_only(run.network_dir(dataset))) == [1, 2]
    assert not former.exists()
    assert attempt(keep_only(run.network_dir(dataset))) == []


def test_a_trunk_made_of_a_network_goes_where_that_learns_on(tmp_path: Path) -> None:
    """Else the head would be that of one network, and the trunk beside it another's."""
    trunk = put(tmp_path / TRUNK_FILE, b"after two epochs, the last of which is damaged by now")
    put(float32_path(trunk), b"the same")
    Checkpoints(tmp_path).keep(cast("Any", Network()), BEST)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["epoch-1.weights.h5", "history.json"]
