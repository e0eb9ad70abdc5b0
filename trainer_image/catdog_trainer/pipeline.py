"""From photos to a published version: read, calibrate, pass through the trunk, train, measure, publish.

A network that comes without weights is trained first, and then calibrated and passed through.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec
import structlog

from catdog_common.artifact import (
    LABELS,
    TRUNK_FILE,
    Head,
    Int8Cost,
    ModelMetadata,
    TrainingSettings,
    TrunkDescription,
    UnknownRule,
    file_digest,
)
from catdog_trainer.ahead import map_ahead
from catdog_trainer.architectures import ARCHITECTURES
from catdog_trainer.calibrate import calibrate
from catdog_trainer.champion import Champion, find_champion
from catdog_trainer.config import Config
from catdog_trainer.data import DataError, Dataset, Photo, check
from catdog_trainer.data.directory import read_claim
from catdog_trainer.data.review import log_review
from catdog_trainer.data.s3 import read_s3
from catdog_trainer.data.sample import read_sample
from catdog_trainer.data.topic import read_topic
from catdog_trainer.export import describe_dataset, draft_dir, draw_measured, publish, write_draft
from catdog_trainer.feature_store import FeatureStore
from catdog_trainer.features import Features, decode_photo, extract_features, look_over
from catdog_trainer.measure import (
    NOT_MEASURED,
    Measurement,
    NotAsServedError,
    check_features,
    count_predictions,
    measure,
)
from catdog_trainer.precision import TRAINING_PHOTOS, VALIDATION_PHOTOS, int8_cost, to_compare
from catdog_trainer.processors import limit_threads, usable_processors
from catdog_trainer.progress import ProgressReporter
from catdog_trainer.train import Epoch, train_head
from catdog_trainer.train_network import TUNING_EPOCHS, fine_tune, train_from_scratch
from catdog_trainer.trunk import (
    CALIBRATION_PHOTOS,
    Image,
    convert_float32,
    convert_trunk,
    float32_path,
    keep_trunk,
    pretrained_network,
    trunk_path,
)
from catdog_trainer.unknown import fit_unknown
from catdog_trainer.views import AUGMENTED, View

if TYPE_CHECKING:
    import keras

_logger = structlog.get_logger(__name__)


@dataclass(frozen=True)
class _Seen:
    """The trunk that is to serve, what it says of photos, and the dataset of just these."""

    trunk: Path
    kept: Path  # the folder where features are kept
    features: Features
    dataset: Dataset
    cost: Int8Cost


@dataclass(frozen=True)
class _Trained:
    """What a training came to."""

    seen: _Seen
    head: Head
    history: list[Epoch]


def train_version(config: Config, progress: ProgressReporter) -> int:
    """Train as `config` says, and return the number of the version that was published.

    Raises:
        DataError: nothing can be learned from the photos as they are.
    """
    threads = usable_processors()
    limit_threads(threads)
    progress.start("Loading")
    dataset = _read_dataset(config)
    _check_by_all(dataset, ARCHITECTURES[config.architecture].image_size, threads)
    champion = find_champion(config.storage, config.model_name, config.champion_version, threads)
    is_pretrained = ARCHITECTURES[config.architecture].published is not None
    train = _train_on_features if is_pretrained else _train_from_scratch
    trained = train(config, dataset, champion, threads, progress)
    seen, validation = trained.seen, trained.seen.features.of("validation")
    head, calibration = calibrate(trained.head, validation)
    metadata = _describe(config, head, _fit_unknown(seen.features), seen)
    draft = draft_dir(config.work_dir)
    write_draft(draft, seen.trunk, metadata, seen.dataset, trained.history)
    measured = _measure(draft, validation, seen.kept, champion, threads, progress)
    metrics = msgspec.structs.replace(measured.metrics, calibration=calibration)
    metadata = msgspec.structs.replace(metadata, metrics=metrics, comparison=measured.comparison)
    progress.start("Publishing")
    draw_measured(draft, metadata, measured)
    return publish(draft, config.storage, metadata)


def _read_dataset(config: Config) -> Dataset:
    if config.dataset == "sample":
        dataset = read_sample(Path(config.sample_dir))
    elif config.dataset == "s3":
        dataset = read_s3(config.bucket, config.s3_prefix)
    elif config.dataset == "kafka":
        dataset = read_topic(config.topic, config.work_dir)
    else:
        dataset = read_claim(Path(config.dataset_dir or ""), Path(config.dataset_root))
    _logger.info(
        "dataset read",
        source=dataset.source,
        photos=dataset.counts(),
        left_out=dataset.left_out,
        unreadable=len(dataset.unreadable),
    )
    return dataset


def _train_on_features(
    config: Config, dataset: Dataset, champion: Champion | None, threads: int, progress: ProgressReporter
) -> _Trained:
    """Train a head on the features of a network that comes with its weights, and perhaps tune that."""
    trunk, dataset = _find_or_make_trunk(config, dataset, threads, progress)
    kept = config.storage / config.model_name / "features"
    if config.fine_tune:
        progress.expect_tuning()
    trained = _train_head(config, _see(config, dataset, trunk, kept, champion, threads, progress), progress)
    return _fine_tune(config, trained, champion, threads, progress) if config.fine_tune else trained


def _train_head(config: Config, seen: _Seen, progress: ProgressReporter) -> _Trained:
    training, validation = seen.features.of("training").with_views(), seen.features.of("validation")
    history: list[Epoch] = []
    progress.start("Epochs", epochs=config.epochs)
    head = train_head(training, validation, _settings(config), _noted_in(history, progress))
    return _Trained(seen, head, history)


def _fine_tune(
    config: Config, trained: _Trained, champion: Champion | None, threads: int, progress: ProgressReporter
) -> _Trained:
    """Train the network's last blocks too, which gives this training a trunk of its own, and a head anew."""
    architecture, dataset = ARCHITECTURES[config.architecture], trained.seen.dataset
    network = pretrained_network(architecture, Path(config.weights_dir))
    progress.begin_tuning(_count_passes(dataset, _views(config)))
    progress.start("Epochs", epochs=TUNING_EPOCHS)
    fine_tune(
        network,
        trained.head,
        str(architecture.tuned_from),
        dataset,
        _settings(config),
        config.work_dir / "network",
        threads,
        progress.epoch,
    )
    return _train_head(config, _see_own(config, network, dataset, champion, threads, progress), progress)


def _train_from_scratch(
    config: Config, dataset: Dataset, champion: Champion | None, threads: int, progress: ProgressReporter
) -> _Trained:
    """Train a network from random weights, head and all; what it comes to is this training's own."""
    architecture = ARCHITECTURES[config.architecture]
    progress.start("Loading", photos=len(dataset.photos))
    dataset = look_over(dataset, architecture.image_size, threads, progress.photo)
    check(dataset)
    history: list[Epoch] = []
    progress.start("Epochs", epochs=config.epochs)
    network, head = train_from_scratch(
        architecture,
        dataset,
        _settings(config),
        config.work_dir / "network",
        threads,
        _noted_in(history, progress),
    )
    return _Trained(_see_own(config, network, dataset, champion, threads, progress), head, history)


def _noted_in(history: list[Epoch], progress: ProgressReporter) -> Callable[[Epoch], None]:
    def on_epoch(epoch: Epoch) -> None:
        history.append(epoch)
        progress.epoch(epoch)

    return on_epoch


def _see_own(
    config: Config,
    network: "keras.Model",
    dataset: Dataset,
    champion: Champion | None,
    threads: int,
    progress: ProgressReporter,
) -> _Seen:
    """Make a trunk of a network that this training made, and see the photos by it; both go with its work."""
    trunk = config.work_dir / TRUNK_FILE
    dataset = _convert(network, dataset, trunk, threads, progress)
    return _see(config, dataset, trunk, config.work_dir / "features", champion, threads, progress)


def _find_or_make_trunk(
    config: Config, dataset: Dataset, threads: int, progress: ProgressReporter
) -> tuple[Path, Dataset]:
    """Return the trunk kept on the claim, else a new one, and the dataset without what proved unreadable."""
    architecture = ARCHITECTURES[config.architecture]
    path = trunk_path(config.storage, config.model_name, architecture)
    if path.exists():
        _logger.info("trunk found", path=str(path))
        return path, dataset
    network = pretrained_network(architecture, Path(config.weights_dir))
    return path, _convert(network, dataset, path, threads, progress)


def _convert(
    network: "keras.Model", dataset: Dataset, path: Path, threads: int, progress: ProgressReporter
) -> Dataset:
    """Keep the network as a trunk in `path`, and in float32; return the dataset of what can be read."""
    size = int(network.input_shape[1])
    progress.start("Calibrating", photos=min(CALIBRATION_PHOTOS, len(dataset.of("training"))))
    images, unreadable = _calibration_images(dataset, size, threads, progress)
    dataset = dataset.without(unreadable)
    _check_by_all(dataset, size, threads)
    keep_trunk(path, convert_trunk(network, images))
    keep_trunk(float32_path(path), convert_float32(network))
    return dataset


def _calibration_images(
    dataset: Dataset, size: int, threads: int, progress: ProgressReporter
) -> tuple[list[Image], list[Photo]]:
    """Return the first readable training photos of each label, and those that were not readable."""
    images: list[Image] = []
    unreadable: list[Photo] = []
    for label in LABELS:
        photos = [photo for photo in dataset.of("training") if photo.label == label]
        wanted = len(images) + CALIBRATION_PHOTOS // len(LABELS)
        with ThreadPoolExecutor(threads) as pool:
            decoded = map_ahead(pool, lambda photo: decode_photo(photo, size), photos, threads)
            for photo, image in zip(photos, decoded, strict=False):
                if image is None:
                    unreadable.append(photo)
                    continue
                images.append(image)
                progress.photo()
                if len(images) == wanted:
                    break
    return images, unreadable


def _check_by_all(dataset: Dataset, size: int, threads: int) -> None:
    """Check the dataset; where it falls short, say so after a look at all its photos, not just some."""
    try:
        check(dataset)
    except DataError:
        with ThreadPoolExecutor(threads) as pool:
            images = map_ahead(pool, lambda photo: decode_photo(photo, size), dataset.photos, threads)
            pairs = zip(dataset.photos, images, strict=True)
            unreadable = [photo for photo, image in pairs if image is None]
        check(dataset.without(unreadable))
        raise


def _see(
    config: Config,
    dataset: Dataset,
    trunk: Path,
    kept: Path,
    champion: Champion | None,
    threads: int,
    progress: ProgressReporter,
) -> _Seen:
    """See the photos by the trunk, in int8, or in float32 where that costs too much."""
    _expect_rest(dataset, trunk, champion, progress)
    views = _views(config)
    features, dataset = _extract(dataset, trunk, kept, views, champion, threads, progress)
    cost = _int8_cost(config, trunk, kept, features, threads, progress)
    if cost.is_too_much:
        with _forgetting_what_is_wrong(kept, trunk):  # lest int8 be blamed for that
            check_features(to_compare(features), trunk)
        trunk = float32_path(trunk)
        features, dataset = _extract(dataset, trunk, kept, views, champion, threads, progress)
    return _Seen(trunk, kept, features, dataset, cost)


def _expect_rest(
    dataset: Dataset, trunk: Path, champion: Champion | None, progress: ProgressReporter
) -> None:
    """Have the time that is left reckoned with what follows the features."""
    training, validation = dataset.of("training"), dataset.of("validation")
    compared = min(TRAINING_PHOTOS, len(training)) + min(VALIDATION_PHOTOS, len(validation))
    progress.expect_comparing(compared)
    progress.expect_measuring(count_predictions(validation, champion, file_digest(trunk)))


def _extract(
    dataset: Dataset,
    trunk: Path,
    kept: Path,
    views: Sequence[View],
    champion: Champion | None,
    threads: int,
    progress: ProgressReporter,
) -> tuple[Features, Dataset]:
    """Return the features of the photos to use, and the dataset of just these.

    Those that prove unreadable are left out, and of validation those that are nearly equal to training ones.
    Features are kept in the folder `kept`.
    """
    store = FeatureStore.of(kept, trunk)
    known = sum(store.get(photo.digest) is not None for photo in dataset.photos)
    passes = _count_passes(dataset, views)
    progress.start("Features", photos=len(dataset.photos), known=known, passes=passes)
    features = extract_features(dataset.photos, trunk, threads, progress.photo, store, views)
    near_copies = features.near_copies()
    dataset = dataset.without(features.unreadable).without_near_copies(near_copies)
    progress.expect_measuring(count_predictions(dataset.of("validation"), champion, file_digest(trunk)))
    log_review(dataset)
    check(dataset)
    return features.without(near_copies), dataset


def _int8_cost(
    config: Config, trunk: Path, kept: Path, features: Features, threads: int, progress: ProgressReporter
) -> Int8Cost:
    """Return what int8 costs, measured on some of the photos, of which `features` are those of the trunk."""
    float32 = _find_or_make_float32(config, trunk)
    compared = to_compare(features)
    progress.expect_comparing(0)
    progress.start("Features", photos=len(compared.photos))
    # Apart from what is kept where float32 serves, lest the other photos' features go as not wanted.
    store = FeatureStore.of(kept / "compared", float32)
    of_float32 = extract_features(compared.photos, float32, threads, progress.photo, store)
    cost = int8_cost(compared.without(of_float32.unreadable), of_float32, _settings(config))
    _logger.info("int8 beside float32", int8_cost=msgspec.to_builtins(cost), too_much=cost.is_too_much)
    return cost


def _find_or_make_float32(config: Config, trunk: Path) -> Path:
    path = float32_path(trunk)
    if not path.exists():  # the claim's trunk is from before there was one
        network = pretrained_network(ARCHITECTURES[config.architecture], Path(config.weights_dir))
        keep_trunk(path, convert_float32(network))
    return path


def _fit_unknown(features: Features) -> UnknownRule | None:
    rule = fit_unknown(features.of("training"), features.of("validation"))
    if rule is None:
        _logger.warning("never answers unknown", why="the trunk does not give ImageNet's probabilities")
    return rule


def _measure(
    draft: Path,
    validation: Features,
    kept: Path,
    champion: Champion | None,
    threads: int,
    progress: ProgressReporter,
) -> Measurement:
    trunk = draft / TRUNK_FILE
    progress.start("Measuring", photos=count_predictions(validation.photos, champion, file_digest(trunk)))
    with _forgetting_what_is_wrong(kept, trunk):
        measured = measure(draft, validation, champion, threads, progress.photo)
    if measured.comparison is not None:
        _logger.info("compared with the champion", comparison=msgspec.to_builtins(measured.comparison))
    return measured


@contextmanager
def _forgetting_what_is_wrong(kept: Path, trunk: Path) -> Iterator[None]:
    """Remove the trunk's features where they prove wrong, so that the next attempt computes them anew."""
    try:
        yield
    except NotAsServedError:
        FeatureStore.of(kept, trunk).forget()
        raise


def _views(config: Config) -> Sequence[View]:
    return AUGMENTED if _augments(config) else ()


def _count_passes(dataset: Dataset, views: Sequence[View]) -> int:
    """Return how often photos pass the trunk, with the further views of those for training."""
    return len(dataset.photos) + len(views) * len(dataset.of("training"))


def _augments(config: Config) -> bool:
    """Whether a head is to learn from further views: that of a network from scratch has learnt already."""
    return config.augment and ARCHITECTURES[config.architecture].published is not None


def _settings(config: Config) -> TrainingSettings:
    return TrainingSettings(
        architecture=config.architecture,
        image_size=ARCHITECTURES[config.architecture].image_size,
        epochs=config.epochs,
        batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        seed=config.seed,
        early_stopping_patience=config.early_stopping_patience,
        fine_tune=config.fine_tune,
        augment=_augments(config),
    )


def _describe(config: Config, head: Head, unknown: UnknownRule | None, seen: _Seen) -> ModelMetadata:
    """Return the version's metadata, with neither number nor metrics, which come last."""
    precision: Literal["int8", "float32"] = "float32" if seen.cost.is_too_much else "int8"
    return ModelMetadata(
        name=config.model_name,
        version=0,
        hash=config.training_hash,
        labels=LABELS,
        head=head,
        unknown=unknown,
        metrics=NOT_MEASURED,
        settings=_settings(config),
        provenance=describe_dataset(seen.dataset),
        trunk=TrunkDescription(file_digest(seen.trunk), precision, seen.features.matrix.shape[1]),
        int8_cost=seen.cost,
        trained_at=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
    )
