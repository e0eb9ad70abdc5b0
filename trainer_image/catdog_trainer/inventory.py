"""What is on the claim already: the version of a hash, and the list of all for the operator."""

from pathlib import Path

import structlog

from catdog_common.artifact import (
    ModelMetadata,
    VersionDamagedError,
    list_versions,
    read_metadata,
    verify_manifest,
    version_dir,
)
from catdog_common.training import TrainingResult, VersionSummary

_LISTED = 20  # versions: with more, the termination message could outgrow what the kubelet keeps

_logger = structlog.get_logger(__name__)


def find_version(storage: Path, model: str, training_hash: str) -> int | None:
    """Return the newest whole version that was trained from these settings, if there is one."""
    for version in reversed(list_versions(storage, model)):
        metadata = _metadata(storage, model, version)
        if metadata is not None and metadata.hash == training_hash:
            try:
                verify_manifest(version_dir(storage, model, version))
            except VersionDamagedError as error:
                _logger.warning("version damaged", version=version, error=str(error))
            else:
                return version
    return None


def describe_version(storage: Path, model: str, version: int, *, already_present: bool) -> TrainingResult:
    """Return what the operator is told of a version, and of all that stand beside it."""
    directory = version_dir(storage, model, version)
    metadata = read_metadata(directory)
    return TrainingResult(
        version=version,
        hash=metadata.hash,
        already_present=already_present,
        accuracy=metadata.metrics.accuracy,
        photos=metadata.metrics.photos,
        training_photos=sum(metadata.provenance.photos["training"].values()),
        unreadable_photos=metadata.provenance.unreadable_photos,
        dataset_digest=metadata.provenance.digest,
        digest=verify_manifest(directory),
        trained_at=metadata.trained_at,
        versions=_summaries(storage, model),
    )


def _summaries(storage: Path, model: str) -> tuple[VersionSummary, ...]:
    summaries: list[VersionSummary] = []
    for version in reversed(list_versions(storage, model)):
        if (metadata := _metadata(storage, model, version)) is not None:
            metrics = metadata.metrics
            summaries.append(
                VersionSummary(version, metadata.hash, metrics.accuracy, metrics.photos, metadata.trained_at)
            )
    return tuple(summaries[:_LISTED])


def _metadata(storage: Path, model: str, version: int) -> ModelMetadata | None:
    try:
        return read_metadata(version_dir(storage, model, version))
    except VersionDamagedError as error:
        _logger.warning("version damaged", version=version, error=str(error))
        return None
