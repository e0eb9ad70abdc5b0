"""The version that serves while its successor is trained: where it is whole, the two are compared."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import structlog

from catdog_common.artifact import PHOTOS_FILE, TRUNK_FILE, VersionDamagedError, file_digest, version_dir
from catdog_common.predictor import Predictor
from catdog_trainer.data import Photo
from catdog_trainer.feature_store import RESAMPLING

_logger = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Champion:
    """A version that serves, ready to predict, and the photos on which it can't be measured fairly."""

    version: int
    predictor: Predictor
    learnt: frozenset[str]  # digests of the photos that it was trained on
    trunk_digest: str

    def sees_as(self, trunk_digest: str) -> bool:
        """Say whether it sees photos as a training does by this trunk: by the same, resized alike."""
        return self.trunk_digest == trunk_digest and self.predictor.metadata.resampling == RESAMPLING

    def comparable(self, photos: Iterable[Photo]) -> tuple[Photo, ...]:
        """Return those of the photos that it did not learn from."""
        return tuple(photo for photo in photos if photo.digest not in self.learnt)


def find_champion(storage: Path, model: str, version: int | None, threads: int) -> Champion | None:
    """Return the version that serves, or None where none does or it is not whole: a log line says so."""
    if version is None:
        return None
    directory = version_dir(storage, model, version)
    try:
        predictor = Predictor.load(directory, threads)
        digest = file_digest(directory / TRUNK_FILE)
        return Champion(version, predictor, _learnt(directory / PHOTOS_FILE), digest)
    except VersionDamagedError as error:
        _logger.warning("no champion to compare with", version=version, error=str(error))
        return None


def _learnt(path: Path) -> frozenset[str]:
    """Return the digests of the training photos that a version's list of photos names.

    Raises:
        VersionDamagedError: there is no such list, or it does not say what was trained on.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return frozenset(row["digest"] for row in csv.DictReader(file) if row["split"] == "training")
    except (OSError, KeyError) as error:
        raise VersionDamagedError(f"{path} does not say which photos were trained on: {error!r}") from error
