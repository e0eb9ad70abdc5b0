"""Takes off the claim what no version and no training needs any more: trunks, and what is known by them."""

from collections.abc import Collection
from pathlib import Path

import structlog

from catdog_common.artifact import (
    TRUNK_FILE,
    VersionDamagedError,
    file_digest,
    list_versions,
    read_metadata,
    version_dir,
)
from catdog_trainer.architectures import Architecture
from catdog_trainer.feature_store import COMPARED, folder_of
from catdog_trainer.retention import delete
from catdog_trainer.trunk import float32_path, trunk_path

_logger = structlog.get_logger(__name__)


def clear_unused(storage: Path, model: str, architecture: Architecture) -> None:
    """Delete trunks by which no version on the claim serves, and features by trunks that are gone.

    What `architecture` uses, which is that of the present settings, stays.
    """
    serving = _serving(storage, model)
    present = trunk_path(storage, model, architecture)
    seen_by, compared_by = set(serving), set[str]()
    for trunk in (storage / model).glob(f"trunks/*/{TRUNK_FILE}"):
        digests = {file_digest(each) for each in (trunk, float32_path(trunk)) if each.exists()}
        if trunk == present or digests & serving:
            seen_by.add(file_digest(trunk))
            compared_by |= digests
        else:
            _logger.info("trunk removed that no version serves by", path=str(trunk))
            delete(trunk.parent)
    features = storage / model / "features"
    _keep_features(features, seen_by, COMPARED)
    _keep_features(features / COMPARED, compared_by)


def _serving(storage: Path, model: str) -> set[str]:
    """Return the digests of the trunks that versions on the claim have."""
    directories = [version_dir(storage, model, version) for version in list_versions(storage, model)]
    return {digest for directory in directories if (digest := _trunk_digest(directory)) is not None}


def _trunk_digest(directory: Path) -> str | None:
    try:
        described = read_metadata(directory).trunk
        return file_digest(directory / TRUNK_FILE) if described is None else described.digest
    except (VersionDamagedError, FileNotFoundError):
        return None


def _keep_features(directory: Path, digests: Collection[str], *others: str) -> None:
    kept = {*(folder_of(digest) for digest in digests), *others}
    for folder in directory.glob("*"):
        if folder.name not in kept:
            _logger.info("features removed that no training asks for any more", path=str(folder))
            delete(folder)
