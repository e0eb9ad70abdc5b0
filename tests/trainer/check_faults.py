"""Checks that a training that is killed goes on, for the trainer's image: TensorFlow is there, pytest is not.

    python3 -m unittest -v tests.trainer.check_faults

as `check_training` is run. It takes some two minutes on two processors.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any, ClassVar, get_args

import msgspec

from catdog_common.artifact import file_digest, list_versions, read_metadata, verify_manifest, version_dir
from catdog_common.training import Stage

SOAK = unittest.skipUnless(os.environ.get("CATDOG_SOAK"), "left to the soak")
MODEL, HASH = "pets", "a" * 10
PUBLISHING_STEPS = 30  # no less has the publishing of a version
SEED = os.environ.get("CATDOG_KILL_SEED") or str(random.SystemRandom().randrange(10_000))

# Ends the trainer before the n-th call that changes the claim, counted from where it begins to publish.
STRIKE = """
import os, runpy, signal, sys
STEPS = {"write", "fsync", "mkdir", "rename", "replace", "unlink", "rmdir"}
steps = iter(range(int(sys.argv.pop()) - 1))
def strike(frame, event, called):
    if event == "c_call" and called.__name__ in STEPS and next(steps, None) is None:
        os.kill(os.getpid(), signal.SIGKILL)
def await_publishing(frame, event, called):
    if event == "call" and frame.f_code.co_name == "publish":
        sys.setprofile(strike)
sys.setprofile(await_publishing)
runpy.run_module("catdog_trainer", run_name="__main__")
"""


class KilledTrainings(unittest.TestCase):
    """Trainings on the sample, one that nobody disturbs, and others that have to come to the same end."""

    scratch: ClassVar[Path]
    undisturbed: ClassVar[dict[str, object]]

    @classmethod
    def setUpClass(cls) -> None:
        """Train undisturbed."""
        cls.scratch = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        claim = cls.scratch / "undisturbed"
        _run_to_end(claim)
        cls.undisturbed = _one_version(claim)

    def test_a_trainer_that_is_killed_in_every_stage_ends_with_the_same_version(self) -> None:
        """One after the other on one claim, each as soon as it says that it is in the next stage."""
        claim = self.scratch / "every-stage"
        for stage in get_args(Stage):
            _kill_in(claim, stage)
            assert list_versions(claim, MODEL) == [], stage
            _leave_to_another_pod(claim)
        assert _run_to_end(claim)["alreadyPresent"] is False
        assert _one_version(claim) == self.undisturbed

    def test_a_trainer_that_is_killed_at_any_write_of_publishing_ends_with_the_same_version(self) -> None:
        """At one that is drawn: `tests/unit/trainer/test_kills.py` has them all, of publishing alone."""
        step = random.Random(SEED).randrange(1, PUBLISHING_STEPS + 1)  # noqa: S311 - nothing is secret
        claim = self._claim_with_trunk("at-a-write")
        process = _start(claim, "-c", STRIKE, str(step))
        _, errors = process.communicate()
        assert process.returncode == -signal.SIGKILL, f"CATDOG_KILL_SEED={SEED}: {errors}"
        _leave_to_another_pod(claim)
        _run_to_end(claim)
        assert _one_version(claim) == self.undisturbed, f"CATDOG_KILL_SEED={SEED}"

    @SOAK
    def test_two_trainers_at_once_end_with_the_same_one_version(self) -> None:
        """As where a pod runs on, on a node that is out of reach; `test_export.py` has publishing alone."""
        claim = self._claim_with_trunk("two-at-once")
        logs = [claim / "termination-log", claim / "other-termination-log"]
        processes = [_start(claim, "-m", "catdog_trainer", TERMINATION_LOG=str(log)) for log in logs]
        for process in processes:
            _, errors = process.communicate()
            assert process.returncode == 0, errors
        assert [json.loads(log.read_bytes())["version"] for log in logs] == [1, 1]
        assert _one_version(claim) == self.undisturbed

    def _claim_with_trunk(self, name: str) -> Path:
        """Return a claim on which an earlier training has left its trunk."""
        claim = self.scratch / name
        shutil.copytree(self.scratch / "undisturbed" / MODEL / "trunks", claim / MODEL / "trunks")
        return claim


def _kill_in(claim: Path, stage: Stage) -> None:
    """Run the trainer until it says that it is in a stage."""
    with _start(claim, "-m", "catdog_trainer") as process:
        assert process.stdout is not None
        for line in process.stdout:
            if json.loads(line).get("progress", {}).get("stage") == stage:
                break
        process.kill()
        _, errors = process.communicate()
    assert process.returncode == -signal.SIGKILL, errors


def _leave_to_another_pod(claim: Path) -> None:
    """Have the draft that was left be that of a pod with another name."""
    for draft in claim.glob(f"{MODEL}/work/*/version-{os.uname().nodename}"):
        draft.rename(draft.with_name("version-former-pod"))


def _run_to_end(claim: Path) -> dict[str, Any]:
    """Run the trainer, and return its termination message."""
    process = _start(claim, "-m", "catdog_trainer")
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    result: dict[str, Any] = json.loads((claim / "termination-log").read_bytes())
    return result


def _start(claim: Path, *arguments: str, **others: str) -> subprocess.Popen[str]:
    """Start the trainer as a pod does."""
    claim.mkdir(exist_ok=True)
    settings = {
        "MODEL_NAME": MODEL,
        "TRAINING_HASH": HASH,
        "STORAGE_DIR": str(claim),
        "DATASET": "sample",
        "ARCHITECTURE": "efficientnet-lite0",
        "EPOCHS": "20",
        "BATCH_SIZE": "32",
        "LEARNING_RATE": "0.001",
        "SEED": "42",
        "TERMINATION_LOG": str(claim / "termination-log"),
        **others,
    }
    environment = os.environ | {f"CATDOG_{name}": value for name, value in settings.items()}
    return subprocess.Popen(
        [sys.executable, *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _one_version(claim: Path) -> dict[str, object]:
    """Return what the one version of a claim is; fail where it is not whole, or anything is left beside."""
    assert list_versions(claim, MODEL) == [1]
    directory = version_dir(claim, MODEL, 1)
    verify_manifest(directory)
    assert list((claim / MODEL / "work").iterdir()) == []
    assert list((claim / MODEL).rglob(".*")) == []
    files = ("trunk.tflite", "photos.csv", "history.csv")
    return {
        "metadata": msgspec.structs.replace(read_metadata(directory), trained_at=""),
        **{name: file_digest(directory / name) for name in files},
    }
