"""What is on the claim already: the version of a hash, and the list of all for the operator."""

from itertools import islice
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
from catdog_common.training import Comparison, TrainingResult, VersionSummary

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
        accuracy=_rounded(metadata.metrics.accuracy),
        photos=metadata.metrics.photos,
        training_photos=sum(metadata.provenance.photos["training"].values()),
        unreadable_photos=metadata.provenance.unreadable_photos,
        dataset_digest=metadata.provenance.digest,
        digest=verify_manifest(directory),
        trained_at=metadata.trained_at,
        versions=_summaries(storage, model),
        comparison=_counts(metadata),
    )


def _summaries(storage: Path, model: str) -> tuple[VersionSummary, ...]:
    versions = reversed(list_versions(storage, model))
    read = ((version, _metadata(storage, model, version)) for version in versions)
    whole = (_summary(version, metadata) for version, metadata in read if metadata is not None)
    return tuple(islice(whole, _LISTED))


def _summary(version: int, metadata: ModelMetadata) -> VersionSummary:
    return VersionSummary(
        version=version,
        hash=metadata.hash,
        accuracy=_rounded(metadata.metrics.accuracy),
        photos=metadata.metrics.photos,
        trained_at=metadata.trained_at,
        comparison=_counts(metadata),
    )


def _counts(metadata: ModelMetadata) -> Comparison | None:
    compared = metadata.comparison
    if compared is None:
        return None
    return Comparison(compared.champion, compared.photos, compared.correct, compared.champion_correct)


def _rounded(accuracy: float) -> float:
    """Return what the message has room for; metadata have it in full."""
    return round(accuracy, 6)


def _metadata(storage: Path, model: str, version: int) -> ModelMetadata | None:
    try:
        return read_metadata(version_dir(storage, model, version))
    except VersionDamagedError as error:
        _logger.warning("version damaged", version=version, error=str(error))
        return None
