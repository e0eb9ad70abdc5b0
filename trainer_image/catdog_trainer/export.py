"""Writes a version's files, and publishes them by a rename."""

import csv
import errno
import io
import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import astuple
from pathlib import Path

import msgspec
import structlog

from catdog_common.artifact import (
    CONTACT_SHEET_FILE,
    EVALUATION_FILE,
    HISTORY_FILE,
    MODEL_CARD_FILE,
    MODEL_FILE,
    PHOTOS_FILE,
    PLOT_FILE,
    TRUNK_FILE,
    ModelMetadata,
    Provenance,
    version_dir,
    write_manifest,
)
from catdog_trainer.contact_sheet import draw_contact_sheet
from catdog_trainer.data import Dataset
from catdog_trainer.evaluation_plot import draw_evaluation
from catdog_trainer.files import sync, write_file
from catdog_trainer.inventory import find_version
from catdog_trainer.measure import Measurement
from catdog_trainer.model_card import model_card
from catdog_trainer.plot import draw_history
from catdog_trainer.retention import VERSION_DRAFT, next_version
from catdog_trainer.train import Epoch

_NAMED = 100  # files of each kind that was not used

_logger = structlog.get_logger(__name__)


def describe_dataset(dataset: Dataset) -> Provenance:
    """Return where the photos came from, for the version's metadata."""
    return Provenance(
        source=dataset.source,
        digest=dataset.digest(),
        photos=dataset.counts(),
        unreadable=dataset.unreadable[:_NAMED],
        unreadable_photos=len(dataset.unreadable),
        near_copies=len(dataset.near_copies),
        near_copy_names=dataset.near_copies[:_NAMED],
        copies=len(dataset.copies),
        copy_names=dataset.copies[:_NAMED],
        contradictory=len(dataset.contradictory),
        contradictory_names=dataset.contradictory[:_NAMED],
        offsets=dataset.offsets,
    )


def write_draft(
    draft: Path, trunk: Path, metadata: ModelMetadata, dataset: Dataset, history: Sequence[Epoch]
) -> None:
    """Write all files of a version into `draft`, a new directory; the metrics are not known yet."""
    shutil.rmtree(draft, ignore_errors=True)  # of an attempt that was cut off
    draft.mkdir(parents=True)
    shutil.copyfile(trunk, draft / TRUNK_FILE)
    rows = ((photo.digest, photo.split, photo.label) for photo in dataset.photos)
    _write_csv(draft / PHOTOS_FILE, ("digest", "split", "label"), rows)
    _write_csv(draft / HISTORY_FILE, Epoch.__dataclass_fields__, map(astuple, history))
    title = f"{metadata.name} · {metadata.settings.architecture} · {len(dataset.of('training'))} photos"
    draw_history(history, title, draft / PLOT_FILE)
    _write_metadata(draft, metadata)


def draw_measured(draft: Path, metadata: ModelMetadata, measured: Measurement) -> None:
    """Add pictures of what was measured to a draft."""
    title = (
        f"{metadata.name} · {metadata.settings.architecture} · {measured.metrics.photos} validation photos"
    )
    draw_evaluation(measured, title, draft / EVALUATION_FILE)
    shown = draw_contact_sheet(measured.answers, metadata.name, draft / CONTACT_SHEET_FILE)
    _logger.info("measured", metrics=msgspec.to_builtins(measured.metrics), on_contact_sheet=shown)


def publish(draft: Path, storage: Path, metadata: ModelMetadata) -> int:
    """Give the version in `draft` the next number, and let it appear whole; return the number.

    A rename of a directory never replaces one that holds files (POSIX: ENOTEMPTY or EEXIST), on any
    file system, and a published version is never empty; where another training was faster, the next
    number is tried. (Linux has RENAME_NOREPLACE for this, but not on every network file system.)

    Where the faster one was of the same training, its version is the answer: it is looked for once the number
    is chosen, as one that is published later takes that very number.
    """
    while True:
        version = next_version(storage, metadata.name)
        present = find_version(storage, metadata.name, metadata.hash)
        if present is not None:
            return present
        numbered = msgspec.structs.replace(metadata, version=version)
        write_file(draft / MODEL_CARD_FILE, model_card(numbered).encode())
        _write_metadata(draft, numbered)
        target = version_dir(storage, metadata.name, version)
        target.parent.mkdir(parents=True, exist_ok=True)
        for path in (*draft.iterdir(), draft):
            sync(path)
        try:
            draft.rename(target)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        else:
            sync(target.parent)
            return version


def draft_dir(work_dir: Path) -> Path:
    """Return this pod's own draft: two pods of one training never write into the same."""
    return work_dir / f"{VERSION_DRAFT}{os.uname().nodename}"


def _write_metadata(draft: Path, metadata: ModelMetadata) -> None:
    write_file(draft / MODEL_FILE, msgspec.json.encode(metadata))
    write_manifest(draft)


def _write_csv(path: Path, header: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_file(path, text.getvalue().encode())
