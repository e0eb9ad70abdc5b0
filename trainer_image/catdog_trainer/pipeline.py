"""From photos to a published version: read, calibrate, pass through the trunk, train, measure, publish.

A network that comes without weights is trained first, and then calibrated and passed through.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec
import structlog

from catdog_common.artifact import (
    LABELS,
    TRUNK_FILE,
    Head,
    ModelMetadata,
    TrunkDescription,
    UnknownRule,
    file_digest,
)
from catdog_common.processors import available_processors
from catdog_trainer.architectures import ARCHITECTURES
from catdog_trainer.calibrate import calibrate
from catdog_trainer.champion import find_champion
from catdog_trainer.config import Config
from catdog_trainer.converting import check_by_all
from catdog_trainer.data import Dataset, check
from catdog_trainer.data.directory import read_claim
from catdog_trainer.data.sample import read_sample
from catdog_trainer.export import describe_dataset, draft_dir, draw_measured, publish, write_draft
from catdog_trainer.feature_store import RESAMPLING
from catdog_trainer.features import Features, look_over
from catdog_trainer.measure import NOT_MEASURED, Measurement, count_predictions, measure
from catdog_trainer.processors import limit_threads
from catdog_trainer.progress import ProgressReporter
from catdog_trainer.retention import keep_only
from catdog_trainer.run import Run
from catdog_trainer.seeing import Seen, forgetting_what_is_wrong, see, see_own
from catdog_trainer.train import Epoch, train_head
from catdog_trainer.train_network import TUNING_EPOCHS, fine_tune, train_from_scratch
from catdog_trainer.trunk import pretrained_network
from catdog_trainer.unknown import fit_unknown

_logger = structlog.get_logger(__name__)


@dataclass(frozen=True)
class _Trained:
    """What a training came to."""

    seen: Seen
    head: Head
    history: list[Epoch]


def train_version(config: Config, progress: ProgressReporter) -> int:
    """Train as `config` says, and return the number of the version that was published.

    Raises:
        DataError: nothing can be learned from the photos as they are.
    """
    threads = available_processors()
    limit_threads(threads)
    progress.start("Loading")
    dataset = _read_dataset(config)
    check_by_all(dataset, ARCHITECTURES[config.architecture].image_size, threads)
    champion = find_champion(config.storage, config.model_name, config.champion_version, threads)
    run = Run(config, champion, threads, progress)
    is_pretrained = run.architecture.published is not None
    trained = _train_on_features(run, dataset) if is_pretrained else _train_from_scratch(run, dataset)
    return _publish(run, trained)


def _publish(run: Run, trained: _Trained) -> int:
    """Calibrate, measure and publish what a training came to; return the version's number."""
    config, seen, validation = run.config, trained.seen, trained.seen.features.of("validation")
    head, calibration = calibrate(trained.head, validation)
    metadata = _describe(run, head, _fit_unknown(seen.features), seen)
    draft = draft_dir(config.work_dir)
    write_draft(draft, seen.trunk, metadata, seen.dataset, trained.history)
    measured = _measure(run, draft, validation, seen.kept)
    metrics = msgspec.structs.replace(measured.metrics, calibration=calibration)
    metadata = msgspec.structs.replace(metadata, metrics=metrics, comparison=measured.comparison)
    run.progress.start("Publishing")
    draw_measured(draft, metadata, measured)
    return publish(draft, config.storage, metadata)


def _read_dataset(config: Config) -> Dataset:
    if config.dataset == "sample":
        dataset = read_sample(Path(config.sample_dir))
    elif config.dataset == "s3":
        from catdog_trainer.data.s3 import read_s3  # noqa: PLC0415 - its client takes time to start

        dataset = read_s3(config.bucket, config.s3_prefix)
    elif config.dataset == "kafka":
        from catdog_trainer.data.topic import read_topic  # noqa: PLC0415 - as above

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


def _train_on_features(run: Run, dataset: Dataset) -> _Trained:
    """Train a head on the features of a network that comes with its weights, and perhaps tune that."""
    if run.config.fine_tune:
        run.progress.expect_tuning()
    trained = _train_head(run, see(run, dataset))
    return _fine_tune(run, trained) if run.config.fine_tune else trained


def _train_head(run: Run, seen: Seen) -> _Trained:
    training, validation = seen.features.of("training").with_views(), seen.features.of("validation")
    history: list[Epoch] = []
    run.progress.start("Epochs", epochs=run.config.epochs)
    head = train_head(training, validation, run.settings, _noted_in(history, run.progress))
    return _Trained(seen, head, history)


def _fine_tune(run: Run, trained: _Trained) -> _Trained:
    """Train the network's last blocks too, which gives this training a trunk of its own, and a head anew."""
    dataset = trained.seen.dataset
    network = pretrained_network(run.architecture, run.weights)
    run.progress.begin_tuning(run.count_passes(dataset))
    run.progress.start("Epochs", epochs=TUNING_EPOCHS)
    fine_tune(
        network,
        trained.head,
        str(run.architecture.tuned_from),
        dataset,
        run.settings,
        keep_only(run.network_dir(dataset)),
        run.threads,
        run.progress.epoch,
    )
    return _train_head(run, see_own(run, network, dataset))


def _train_from_scratch(run: Run, dataset: Dataset) -> _Trained:
    """Train a network from random weights, head and all; what it comes to is this training's own."""
    progress = run.progress
    progress.start("Loading", photos=len(dataset.photos))
    dataset = look_over(dataset, run.architecture.image_size, run.threads, progress.photo)
    check(dataset)
    history: list[Epoch] = []
    progress.start("Epochs", epochs=run.config.epochs)
    network, head = train_from_scratch(
        run.architecture,
        dataset,
        run.settings,
        keep_only(run.network_dir(dataset)),
        run.threads,
        _noted_in(history, progress),
    )
    return _Trained(see_own(run, network, dataset), head, history)


def _noted_in(history: list[Epoch], progress: ProgressReporter) -> Callable[[Epoch], None]:
    def on_epoch(epoch: Epoch) -> None:
        history.append(epoch)
        progress.epoch(epoch)

    return on_epoch


def _fit_unknown(features: Features) -> UnknownRule | None:
    rule = fit_unknown(features.of("training"), features.of("validation"))
    if rule is None:
        _logger.warning("never answers unknown", why="the trunk does not give ImageNet's probabilities")
    return rule


def _measure(run: Run, draft: Path, validation: Features, kept: Path) -> Measurement:
    trunk = draft / TRUNK_FILE
    photos = count_predictions(validation.photos, run.champion, file_digest(trunk))
    run.progress.start("Measuring", photos=photos)
    with forgetting_what_is_wrong(kept, trunk):
        measured = measure(draft, validation, run.champion, run.threads, run.progress.photo)
    if measured.comparison is not None:
        _logger.info("compared with the champion", comparison=msgspec.to_builtins(measured.comparison))
    return measured


def _describe(run: Run, head: Head, unknown: UnknownRule | None, seen: Seen) -> ModelMetadata:
    """Return the version's metadata, with neither number nor metrics, which come last."""
    precision: Literal["int8", "float32"] = "float32" if seen.cost.is_too_much else "int8"
    return ModelMetadata(
        name=run.config.model_name,
        version=0,
        hash=run.config.training_hash,
        labels=LABELS,
        head=head,
        unknown=unknown,
        metrics=NOT_MEASURED,
        settings=run.settings,
        provenance=describe_dataset(seen.dataset),
        trunk=TrunkDescription(file_digest(seen.trunk), precision, seen.features.matrix.shape[1]),
        int8_cost=seen.cost,
        resampling=RESAMPLING,
        trained_at=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
    )
