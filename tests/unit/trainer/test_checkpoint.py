"""Epochs of a network in training; `tests/trainer/check_networks.py` tries them on real ones."""

from pathlib import Path
from typing import Any, cast

from catdog_common.artifact import TRUNK_FILE
from catdog_trainer.checkpoint import Checkpoints
from catdog_trainer.train import Epoch
from catdog_trainer.trunk import float32_path
from tests.unit.trainer.builders import put


class Network:
    """What has weights to save, and no more."""

    def save_weights(self, path: Path) -> None:
        path.write_bytes(b"weights")


def test_a_trunk_made_of_a_network_goes_where_that_learns_on(tmp_path: Path) -> None:
    """Else the head would be that of one network, and the trunk beside it another's."""
    trunk = put(tmp_path / TRUNK_FILE, b"after two epochs, the last of which is damaged by now")
    put(float32_path(trunk), b"the same")
    Checkpoints(tmp_path).keep(cast("Any", Network()), Epoch(1, 0.1, 0.9, 0.2, 0.8))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["epoch-1.weights.h5", "history.json"]
