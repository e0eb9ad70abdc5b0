"""From photos to a published version: read, calibrate, pass through the trunk, train, measure, publish."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

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
from catdog_trainer.architectures import ARCHITECTURES, Architecture
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
from catdog_trainer.features import Features, decode_photo, extract_features
from catdog_trainer.measure import NOT_MEASURED, Measurement, NotAsServedError, count_predictions, measure
from catdog_trainer.precision import int8_cost, to_compare
from catdog_trainer.processors import limit_threads, usable_processors
from catdog_trainer.progress import ProgressReporter
from catdog_trainer.train import Epoch, train_head
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

_logger = structlog.get_logger(__name__)


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
    trunk, dataset = _find_or_make_trunk(config, dataset, threads, progress)
    champion = find_champion(config.storage, config.model_name, config.champion_version, threads)
    features, dataset = _extract(config, dataset, trunk, champion, threads, progress)
    cost = _int8_cost(config, trunk, features, threads, progress)
    if cost.is_too_much:
        trunk = float32_path(trunk)
        features, dataset = _extract(config, dataset, trunk, champion, threads, progress)
    history: list[Epoch] = []
    head = _train(config, features, progress, history)
    head, calibration = calibrate(head, features.of("validation"))
    unknown = _fit_unknown(features)
    metadata = msgspec.structs.replace(
        _describe(config, head, unknown, dataset),
        trunk=_describe_trunk(trunk, features, "float32" if cost.is_too_much else "int8"),
        int8_cost=cost,
    )
    draft = draft_dir(config.work_dir)
    write_draft(draft, trunk, metadata, dataset, history)
    measured = _measure(config, draft, features.of("validation"), champion, threads, progress)
    metrics = msgspec.structs.replace(measured.metrics, calibration=calibration)
    metadata = msgspec.structs.replace(metadata, metrics=metrics, comparison=measured.comparison)
    progress.start("Publishing")
    draw_measured(draft, metadata, measured)
    version = publish(draft, config.storage, metadata)
    shutil.rmtree(config.work_dir)
    return version


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


def _find_or_make_trunk(
    config: Config, dataset: Dataset, threads: int, progress: ProgressReporter
) -> tuple[Path, Dataset]:
    """Return the trunk kept on the claim, else a new one, and the dataset without what proved unreadable."""
    architecture = ARCHITECTURES[config.architecture]
    path = trunk_path(config.storage, config.model_name, architecture)
    if path.exists():
        _logger.info("trunk found", path=str(path))
        return path, dataset
    progress.start("Calibrating", photos=min(CALIBRATION_PHOTOS, len(dataset.of("training"))))
    images, unreadable = _calibration_images(dataset, architecture, threads, progress)
    dataset = dataset.without(unreadable)
    _check_by_all(dataset, architecture.image_size, threads)
    network = pretrained_network(architecture, Path(config.weights_dir))
    keep_trunk(path, convert_trunk(network, images))
    keep_trunk(float32_path(path), convert_float32(network))
    return path, dataset


def _calibration_images(
    dataset: Dataset, architecture: Architecture, threads: int, progress: ProgressReporter
) -> tuple[list[Image], list[Photo]]:
    """Return the first readable training photos of each label, and those that were not readable."""
    images: list[Image] = []
    unreadable: list[Photo] = []
    for label in LABELS:
        photos = [photo for photo in dataset.of("training") if photo.label == label]
        wanted = len(images) + CALIBRATION_PHOTOS // len(LABELS)
        with ThreadPoolExecutor(threads) as pool:
            decoded = map_ahead(
                pool, lambda photo: decode_photo(photo, architecture.image_size), photos, threads
            )
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


def _extract(
    config: Config,
    dataset: Dataset,
    trunk: Path,
    champion: Champion | None,
    threads: int,
    progress: ProgressReporter,
) -> tuple[Features, Dataset]:
    """Return the features of the photos to use, and the dataset of just these.

    Those that prove unreadable are left out, and of validation those that are nearly equal to training ones.
    """
    progress.start("Features", photos=len(dataset.photos))
    store = FeatureStore.of(_features_dir(config), trunk)
    features = extract_features(dataset.photos, trunk, threads, progress.photo, store)
    near_copies = features.near_copies()
    dataset = dataset.without(features.unreadable).without_near_copies(near_copies)
    progress.expect_measuring(count_predictions(dataset.of("validation"), champion, file_digest(trunk)))
    log_review(dataset)
    check(dataset)
    return features.without(near_copies), dataset


def _features_dir(config: Config) -> Path:
    return config.storage / config.model_name / "features"


def _int8_cost(
    config: Config, trunk: Path, features: Features, threads: int, progress: ProgressReporter
) -> Int8Cost:
    """Return what int8 costs, measured on some of the photos, of which `features` are those of the trunk."""
    float32 = _find_or_make_float32(config, trunk)
    compared = to_compare(features)
    progress.start("Features", photos=len(compared.photos))
    # Apart from what is kept where float32 serves, lest the other photos' features go as not wanted.
    store = FeatureStore.of(_features_dir(config) / "compared", float32)
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


def _train(
    config: Config,
    features: Features,
    progress: ProgressReporter,
    history: list[Epoch],
) -> Head:
    def on_epoch(epoch: Epoch) -> None:
        history.append(epoch)
        progress.epoch(epoch)

    progress.start("Epochs", epochs=config.epochs)
    return train_head(features.of("training"), features.of("validation"), _settings(config), on_epoch)


def _fit_unknown(features: Features) -> UnknownRule | None:
    rule = fit_unknown(features.of("training"), features.of("validation"))
    if rule is None:
        _logger.warning("never answers unknown", why="the trunk does not give ImageNet's probabilities")
    return rule


def _measure(
    config: Config,
    draft: Path,
    validation: Features,
    champion: Champion | None,
    threads: int,
    progress: ProgressReporter,
) -> Measurement:
    trunk = draft / TRUNK_FILE
    progress.start("Measuring", photos=count_predictions(validation.photos, champion, file_digest(trunk)))
    try:
        measured = measure(draft, validation, champion, threads, progress.photo)
    except NotAsServedError:  # so that the next attempt does not start from the same
        FeatureStore.of(_features_dir(config), trunk).forget()
        raise
    if measured.comparison is not None:
        _logger.info("compared with the champion", comparison=msgspec.to_builtins(measured.comparison))
    return measured


def _settings(config: Config) -> TrainingSettings:
    return TrainingSettings(
        architecture=config.architecture,
        image_size=ARCHITECTURES[config.architecture].image_size,
        epochs=config.epochs,
        batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        seed=config.seed,
        early_stopping_patience=config.early_stopping_patience,
    )


def _describe_trunk(
    trunk: Path, features: Features, precision: Literal["int8", "float32"]
) -> TrunkDescription:
    return TrunkDescription(file_digest(trunk), precision, features.matrix.shape[1])


def _describe(config: Config, head: Head, unknown: UnknownRule | None, dataset: Dataset) -> ModelMetadata:
    """Return the version's metadata, with neither number nor metrics, which come last."""
    return ModelMetadata(
        name=config.model_name,
        version=0,
        hash=config.training_hash,
        labels=LABELS,
        head=head,
        unknown=unknown,
        metrics=NOT_MEASURED,
        settings=_settings(config),
        provenance=describe_dataset(dataset),
        trained_at=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
    )
