"""Has the trunk that is to serve see the photos: in int8, or in float32 where that costs too much."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import structlog

from catdog_common.artifact import TRUNK_FILE, Int8Cost, file_digest
from catdog_trainer.converting import convert, find_or_make_float32, find_or_make_trunk
from catdog_trainer.data import Dataset, check
from catdog_trainer.data.review import log_review
from catdog_trainer.feature_store import COMPARED, FeatureStore
from catdog_trainer.features import Features, extract_features
from catdog_trainer.measure import NotAsServedError, check_features, count_predictions
from catdog_trainer.precision import TRAINING_PHOTOS, VALIDATION_PHOTOS, int8_cost, to_compare
from catdog_trainer.run import Run
from catdog_trainer.trunk import float32_path, is_usable

if TYPE_CHECKING:
    import keras

_logger = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Seen:
    """The trunk that is to serve, what it says of photos, and the dataset of just these."""

    trunk: Path
    kept: Path  # the folder where features are kept
    features: Features
    dataset: Dataset
    cost: Int8Cost


def see(run: Run, dataset: Dataset) -> Seen:
    """See the photos by the trunk that the claim's trainings share, which is made where there is none yet.

    Raises:
        DataError: what can be read does not suffice.
        NotAsServedError: what was known of photos is wrong; it is forgotten.
    """
    trunk, dataset = find_or_make_trunk(run, dataset)
    return _see(run, dataset, trunk, run.config.storage / run.config.model_name / "features")


def see_own(run: Run, network: "keras.Model", dataset: Dataset) -> Seen:
    """See the photos by a trunk made of a network that this training made; both go with its work.

    A trunk that an interrupted training made of the network, which learnt from the same photos, is taken.

    Raises:
        DataError, NotAsServedError: as `see` does.
    """
    trunk = run.network_dir(dataset) / TRUNK_FILE
    if not (is_usable(trunk) and is_usable(float32_path(trunk))):
        dataset = convert(run, network, dataset, trunk)
    return _see(run, dataset, trunk, run.config.work_dir / "features")


@contextmanager
def forgetting_what_is_wrong(kept: Path, trunk: Path) -> Iterator[None]:
    """Remove the trunk's features where they prove wrong, so that the next attempt computes them anew."""
    try:
        yield
    except NotAsServedError:
        FeatureStore.of(kept, trunk).forget()
        raise


def _see(run: Run, dataset: Dataset, trunk: Path, kept: Path) -> Seen:
    _expect_rest(run, dataset, trunk)
    features, dataset = _extract(run, dataset, trunk, kept)
    cost = _int8_cost(run, trunk, kept, features)
    if cost.is_too_much:
        with forgetting_what_is_wrong(kept, trunk):  # lest int8 be blamed for that
            check_features(to_compare(features), trunk)
        trunk = float32_path(trunk)
        features, dataset = _extract(run, dataset, trunk, kept)
    return Seen(trunk, kept, features, dataset, cost)


def _expect_rest(run: Run, dataset: Dataset, trunk: Path) -> None:
    """Have the time that is left reckoned with what follows the features."""
    training, validation = dataset.of("training"), dataset.of("validation")
    compared = min(TRAINING_PHOTOS, len(training)) + min(VALIDATION_PHOTOS, len(validation))
    run.progress.expect_comparing(compared)
    run.progress.expect_measuring(count_predictions(validation, run.champion, file_digest(trunk)))


def _extract(run: Run, dataset: Dataset, trunk: Path, kept: Path) -> tuple[Features, Dataset]:
    """Return the features of the photos to use, and the dataset of just these.

    Those that prove unreadable are left out, and of validation those that are nearly equal to training ones.
    Features are kept in the folder `kept`.
    """
    store, progress = FeatureStore.of(kept, trunk), run.progress
    known = sum(store.get(photo.digest) is not None for photo in dataset.photos)
    passes = run.count_passes(dataset)
    progress.start("Features", photos=len(dataset.photos), known=known, passes=passes)
    features = extract_features(dataset.photos, trunk, run.threads, progress.photo, store, run.views)
    near_copies = features.near_copies()
    dataset = dataset.without(features.unreadable).without_near_copies(near_copies)
    progress.expect_measuring(count_predictions(dataset.of("validation"), run.champion, file_digest(trunk)))
    log_review(dataset)
    check(dataset)
    return features.without(near_copies), dataset


def _int8_cost(run: Run, trunk: Path, kept: Path, features: Features) -> Int8Cost:
    """Return what int8 costs, measured on some of the photos, of which `features` are those of the trunk."""
    float32 = find_or_make_float32(run, trunk)
    compared = to_compare(features)
    run.progress.expect_comparing(0)
    run.progress.start("Features", photos=len(compared.photos))
    # Apart from what is kept where float32 serves, lest the other photos' features go as not wanted.
    store = FeatureStore.of(kept / COMPARED, float32)
    of_float32 = extract_features(compared.photos, float32, run.threads, run.progress.photo, store)
    cost = int8_cost(compared.without(of_float32.unreadable), of_float32, run.settings)
    _logger.info("int8 beside float32", int8_cost=msgspec.to_builtins(cost), too_much=cost.is_too_much)
    return cost
