"""Trunks that are kept on the claim, where there is no TensorFlow: what would make one can't be loaded."""

import shutil
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from catdog_trainer.converting import find_or_make_float32, find_or_make_trunk
from catdog_trainer.data import Dataset
from catdog_trainer.progress import ProgressReporter
from catdog_trainer.run import Run
from catdog_trainer.trunk import trunk_path
from tests.unit.trainer.builders import TINY_TRUNK, put
from tests.unit.trainer.test_room import config

NOTHING = Dataset("nothing", (), ())


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Return a training on a claim in `tmp_path`."""
    settings = config("efficientnet-lite0", fine_tune=False, storage=tmp_path)
    return Run(settings, champion=None, threads=1, progress=ProgressReporter(lambda _: None))


def test_a_trunk_that_is_there_is_taken(run: Run) -> None:
    kept = trunk_path(run.config.storage, "pets", run.architecture)
    kept.parent.mkdir(parents=True)
    shutil.copy(TINY_TRUNK, kept)
    assert find_or_make_trunk(run, NOTHING) == (kept, NOTHING)


@pytest.mark.parametrize("content", [b"", TINY_TRUNK.read_bytes()[:300]])
def test_a_trunk_that_is_damaged_is_made_anew(run: Run, content: bytes) -> None:
    """Else each training would end by it, and so each edit, until a person removed the file."""
    kept = put(trunk_path(run.config.storage, "pets", run.architecture), content)
    float32 = put(kept.with_name("float32.tflite"), content)
    for make in (lambda: find_or_make_trunk(run, NOTHING), lambda: find_or_make_float32(run, kept)):
        with capture_logs() as logs, pytest.raises(ImportError, match="keras"):
            make()
        assert [line["event"] for line in logs] == ["trunk damaged, and made anew"]
    assert not kept.exists()
    assert not float32.exists()
