"""How fast a training is, and what memory it takes: beside the flatbuffer alone and the lab's network."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from shutil import rmtree

import msgspec

from catdog_common.processors import available_processors
from tests.benchmarks.trainer import MODEL, Trainer, environment, keras_venv, weights_dir
from tests.benchmarks.training.figures import (
    LabRound,
    PassFigures,
    PassRound,
    Repeated,
    SettingsFigures,
    SettingsTimes,
)
from tests.benchmarks.training.photo_sets import lay_out_many
from tests.cluster.cache import Cache, progress
from tests.cluster.commands import run

_PASS_PHOTOS = 500
_TRUNK_PHOTOS = 500
_LAB_STEPS = 4


def measure_pass(cache: Cache, photos: Sequence[Path], architecture: str, rounds: int) -> PassFigures:
    """Let the feature pass, the flatbuffer and the lab's network take turns."""
    with tempfile.TemporaryDirectory(prefix="catdog-bench-") as scratch:
        folder = lay_out_many(Path(scratch) / "photos", photos, _PASS_PHOTOS)
        trainer = Trainer(cache, Path(scratch) / "claim")
        with progress(f"{architecture}: a trunk"):
            trainer.train(folder, architecture, EPOCHS="1")
        [trunk] = trainer.claim.glob(f"{MODEL}/trunks/{architecture}-*/trunk.tflite")
        passes, lab = list[PassRound](), list[LabRound]()
        for number in range(rounds):
            with progress(f"{architecture}: feature pass and the lab's network, round {number + 1}"):
                said = _run(cache, "feature_pass", str(trunk), str(folder), "1")
                passes += msgspec.json.decode(said, type=list[PassRound])
                said = _run(cache, "labs_network", str(_LAB_STEPS))
                lab.append(msgspec.json.decode(said, type=LabRound))
    return PassFigures(passes, lab)


def measure_sizes(
    cache: Cache, photos: Sequence[Path], architecture: str, sizes: Sequence[int]
) -> Iterator[Repeated]:
    """Yield what trainings on so many photos take, on a claim that has a trunk and none of their features."""
    with tempfile.TemporaryDirectory(prefix="catdog-bench-") as scratch:
        trainer = Trainer(cache, Path(scratch) / "claim")
        with progress(f"{architecture}: a trunk"):
            trainer.train(lay_out_many(Path(scratch) / "few", photos, _TRUNK_PHOTOS), architecture)
        for size in sizes:
            with progress(f"{architecture}: training on {size:,} photos, twice"):
                folder = lay_out_many(Path(scratch) / f"{size}", photos, size)
                rmtree(trainer.claim / MODEL / "features")
                first, again = (trainer.train(folder, architecture) for _ in range(2))
                rmtree(folder)
            yield Repeated(size, first, again)


def measure_settings(cache: Cache, architecture: str) -> Iterator[SettingsFigures]:
    """Yield what TensorFlow takes under each of its settings that matter here."""
    for onednn in (False, True):
        for threads in sorted({1, available_processors()}):
            with progress(f"TensorFlow with {threads} threads, oneDNN {'on' if onednn else 'off'}"):
                settings = {
                    "TF_NUM_INTRAOP_THREADS": str(threads),
                    "OMP_NUM_THREADS": str(threads),
                    "TF_ENABLE_ONEDNN_OPTS": str(int(onednn)),
                }
                arguments = (str(weights_dir(cache)), architecture)
                said = _run(cache, "tensorflow_settings", *arguments, **settings)
                yield SettingsFigures(threads, onednn, msgspec.json.decode(said, type=SettingsTimes))


def _run(cache: Cache, module: str, *arguments: str, **settings: str) -> str:
    """Run a module of this benchmark by the trainer's Python, and return what it printed last."""
    argv = (str(keras_venv(cache)), "-m", f"tests.benchmarks.training.{module}", *arguments)
    return run(*argv, env=environment() | settings).splitlines()[-1]
