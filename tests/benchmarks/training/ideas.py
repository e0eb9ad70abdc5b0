"""What could bring more photos right: views in learning and in answering, both networks together, cleaning.

    OPENBLAS_NUM_THREADS=1 python -m tests.benchmarks.training.ideas [--output FILE]

Each idea is a head on features of the trainer's own trunks, calibrated on Kaggle's photos, by the trainer's
own training: judged on Kaggle's photos in five folds, and on Oxford's after learning from all of Kaggle's.
More threads of OpenBLAS wait for one another, and heads take minutes in place of a second.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click
import msgspec
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from catdog_common.artifact import LABELS, TrainingSettings
from catdog_common.predictor import Trunk, head_probabilities
from catdog_common.processors import available_processors
from catdog_trainer.data import Photo
from catdog_trainer.data.directory import read_directory
from catdog_trainer.feature_store import FeatureStore
from catdog_trainer.features import Features, extract_features
from catdog_trainer.rows import Rows
from catdog_trainer.train import train_head
from catdog_trainer.views import AUGMENTED, PLAIN, View, corner
from tests.benchmarks.tables import new_table
from tests.benchmarks.trainer import LOCKS, MODEL, SOURCES, Trainer
from tests.benchmarks.training.accuracy import KAGGLE, OXFORD
from tests.benchmarks.training.photo_sets import FOLDS, lay_out, photo_set
from tests.cluster.cache import Cache, default_cache, digest_of, progress
from tests.photos import photos_dir

LITE0, LITE2 = "efficientnet-lite0", "efficientnet-lite2"
MIRRORED = View("mirrored", lambda image: np.ascontiguousarray(image[:, ::-1]))
VIEWS = (MIRRORED, *AUGMENTED, View("upper-right", corner(1, 0)), View("lower-left", corner(0, 1)))
TWO_CORNERS, FOUR_CORNERS = (tuple(view.name for view in views) for views in (AUGMENTED, VIEWS[1:]))
SURE = 0.95  # of the other label: a photo to learn from that is probably mislabelled

Probabilities = NDArray[np.float32]  # [photos, labels]


@dataclass(frozen=True)
class Idea:
    """How a head learns and answers: by which networks, and by which views beside the plain one."""

    name: str
    networks: tuple[str, ...]
    learns: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    cleans: bool = False


def ideas() -> list[Idea]:
    """Return what is tried."""
    tried: list[Idea] = []
    for name, networks in (
        ("Lite0", (LITE0,)),
        ("Lite2", (LITE2,)),
        ("both networks' features", (LITE0, LITE2)),
    ):
        tried += [
            Idea(name, networks),
            Idea(f"{name}, learns from mirrored photos", networks, learns=("mirrored",)),
            Idea(f"{name}, learns from two corners", networks, learns=TWO_CORNERS),
            Idea(f"{name}, learns from four corners", networks, learns=FOUR_CORNERS),
            Idea(f"{name}, answers by the mirrored photo too", networks, answers=("mirrored",)),
            Idea(f"{name}, learns from two corners, answers so", networks, TWO_CORNERS, ("mirrored",)),
            Idea(f"{name}, learns from four corners, answers so", networks, FOUR_CORNERS, ("mirrored",)),
            Idea(f"{name}, cleaned", networks, cleans=True),
        ]
    return tried


@dataclass(frozen=True)
class PhotoSet:
    """Photos in the order of their digests, and what each network says of each view of them."""

    photos: tuple[Photo, ...]
    seen: Mapping[tuple[str, str], NDArray[np.float32]]  # (network, view) → [photos, F]

    @property
    def labels(self) -> NDArray[np.int64]:
        """The column of each photo's label."""
        return np.array([LABELS.index(photo.label) for photo in self.photos], np.int64)

    def rows(self, idea: Idea, view: str) -> NDArray[np.float32]:
        """Return the features in a view; of two networks beside each other, each on a scale of its own."""
        parts = [self.seen[network, view] for network in idea.networks]
        return np.concatenate([part / part.std() for part in parts], axis=1)

    def only(self, rows: NDArray[np.intp]) -> "PhotoSet":
        """Return some of the photos."""
        seen = {key: matrix[rows] for key, matrix in self.seen.items()}
        return PhotoSet(tuple(self.photos[row] for row in rows), seen)


class Outcome(msgspec.Struct, frozen=True):
    """What an idea reached: photos wrong, and log-loss in nats without calibration."""

    idea: str
    folds_wrong: int
    folds_log_loss: float
    across_wrong: int
    across_log_loss: float
    cleaned: int  # photos of Kaggle's that it did not learn from, where it judges Oxford's


def learn(idea: Idea, training: PhotoSet) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the weights and the bias of a head, trained as the trainer would."""
    views = (PLAIN.name, *idea.learns)
    matrix = np.concatenate([training.rows(idea, view) for view in views])
    photos = training.photos * len(views)
    features = Features(photos, Rows.of(matrix), np.zeros((len(photos), 4), np.uint64))
    settings = TrainingSettings(idea.networks[0], 0, 20, 32, 0.001, 42)
    head = train_head(features, features.only({photos[0].digest}), settings, lambda _: None)
    return np.asarray(head.weights, np.float32), np.asarray(head.bias, np.float32)


def answer(idea: Idea, training: PhotoSet, judged: PhotoSet) -> tuple[Probabilities, int]:
    """Return what is said of photos after learning from others, and from how many it did not learn."""
    cleaned = training.only(clean(idea, training)) if idea.cleans else training
    weights, bias = learn(idea, cleaned)
    views = (PLAIN.name, *idea.answers)
    said = [head_probabilities(judged.rows(idea, view), weights, bias, 1.0) for view in views]
    return np.asarray(np.mean(said, axis=0), np.float32), len(training.photos) - len(cleaned.photos)


def clean(idea: Idea, training: PhotoSet) -> NDArray[np.intp]:
    """Return the rows to learn from: not of photos that heads of other folds surely call the other label."""
    said, _ = in_folds(replace(idea, cleans=False), training)
    of_the_other = 1 - said[np.arange(len(said)), training.labels]
    return np.flatnonzero(of_the_other < SURE)


def in_folds(idea: Idea, photos: PhotoSet) -> tuple[Probabilities, int]:
    """Return what is said of each photo after learning from the other folds."""
    said = np.empty((len(photos.photos), len(LABELS)), np.float32)
    fold_of, left_out = np.arange(len(said)) % FOLDS, 0
    for fold in range(FOLDS):
        inside = np.flatnonzero(fold_of == fold)
        training = photos.only(np.flatnonzero(fold_of != fold))
        said[inside], count = answer(idea, training, photos.only(inside))
        left_out += count
    return said, left_out


def judge(idea: Idea, kaggle: PhotoSet, oxford: PhotoSet) -> Outcome:
    """Return what an idea reaches."""
    of_folds, _ = in_folds(idea, kaggle)
    across, cleaned = answer(idea, kaggle, oxford)
    return Outcome(idea.name, *_score(of_folds, kaggle.labels), *_score(across, oxford.labels), cleaned)


def _score(said: Probabilities, labels: NDArray[np.int64]) -> tuple[int, float]:
    true = np.maximum(said[np.arange(len(labels)), labels].astype(np.float64), 1e-7)
    return int((said.argmax(axis=1) != labels).sum()), float(-np.log(true).mean())


def look_at(cache: Cache, name: str) -> PhotoSet:
    """Return a set's photos with what both networks say of them; it is kept from run to run."""
    directory = photos_dir(name)
    assert directory is not None
    photos = tuple(replace(photo, split="training") for photo in read_directory(directory, name).photos)
    seen: dict[tuple[str, str], NDArray[np.float32]] = {}
    for network in (LITE0, LITE2):
        claim = claim_with_trunk(cache, network)
        [trunk] = claim.glob(f"{MODEL}/trunks/*/trunk.tflite")
        store = FeatureStore(claim / name, Trunk(trunk, threads=1).width)
        with progress(f"{network}: {len(photos):,} photos of {name} in {1 + len(VIEWS)} views"):
            features = extract_features(photos, trunk, available_processors(), lambda: None, store, VIEWS)
        for view, rows in zip((PLAIN, *VIEWS), (features, *features.views), strict=True):
            seen[network, view.name] = rows.matrix[:]
    return PhotoSet(photos, seen)


def claim_with_trunk(cache: Cache, network: str) -> Path:
    """Return a claim with a trunk, calibrated on Kaggle's photos."""

    def make(directory: Path) -> None:
        photos = photo_set(KAGGLE)
        folder = lay_out(directory / "photos", photos[:1000], photos[1000:])
        Trainer(cache, directory).train(folder, network, EPOCHS="1")

    return cache.keep(f"ideas-{network}", digest_of([*LOCKS, *SOURCES]), f"a trunk of {network}", make)


def as_table(outcomes: Sequence[Outcome], kaggle: int, oxford: int) -> Table:
    """Return the outcomes for people."""
    columns = (
        f"wrong of {kaggle:,}",
        "right",
        "log-loss",
        f"wrong of {oxford:,}",
        "right",
        "log-loss",
        "left out",
    )
    table = new_table("Kaggle's in five folds; Oxford's after all of Kaggle's", "idea", *columns)
    for each in outcomes:
        table.add_row(
            each.idea,
            str(each.folds_wrong),
            f"{1 - each.folds_wrong / kaggle:.2%}",
            f"{each.folds_log_loss:.4f}",
            str(each.across_wrong),
            f"{1 - each.across_wrong / oxford:.2%}",
            f"{each.across_log_loss:.4f}",
            str(each.cleaned),
        )
    return table


@click.command(help=__doc__)
@click.option("--output", type=click.Path(path_type=Path), help="Write the results there, as JSON.")
def main(output: Path | None) -> None:
    """Try all ideas, print a table, and write JSON."""
    if not all(photos_dir(name) for name in (KAGGLE, OXFORD)):
        raise click.ClickException("there are no photos: set CATDOG_PHOTOS_DIR to a folder with both sets")
    cache = default_cache()
    kaggle, oxford = (look_at(cache, name) for name in (KAGGLE, OXFORD))
    outcomes: list[Outcome] = []
    for idea in ideas():
        with progress(idea.name):
            outcomes.append(judge(idea, kaggle, oxford))
    Console(width=150).print(as_table(outcomes, len(kaggle.photos), len(oxford.photos)))
    if output:
        output.write_bytes(msgspec.json.format(msgspec.json.encode(outcomes), indent=1))


if __name__ == "__main__":
    main()
