"""Sees to it that a version of the training's hash is on the claim, and says what is there.

The result, or what is wrong with the data, goes into the termination message. A crash leaves that
empty and its traceback in the log, where the kubelet takes it from.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import NoReturn

import msgspec
import structlog

from catdog_common.artifact import VersionDamagedError
from catdog_common.environment import read_environment
from catdog_common.training import EXIT_DATA, Progress, TrainingFailure, TrainingResult
from catdog_trainer.architectures import ARCHITECTURES
from catdog_trainer.config import Config
from catdog_trainer.data import DataError
from catdog_trainer.data.addresses import forget_offsets
from catdog_trainer.feature_store import allow_open_files
from catdog_trainer.inventory import describe_version, find_version
from catdog_trainer.log import configure_logging
from catdog_trainer.metrics import Metrics, serve_metrics
from catdog_trainer.pipeline import train_version
from catdog_trainer.progress import ProgressReporter
from catdog_trainer.retention import clear_leftovers, clear_other_work, clear_work, prune
from catdog_trainer.room import CLAIM_FULL, check_room, telling_when_full
from catdog_trainer.unused import clear_unused

# Reasons after which the same records are as good as before: what a network learnt from them is gone on with.
_NOT_OF_THE_RECORDS = ("AccessDenied", "EndpointUnreachable", CLAIM_FULL)

_logger = structlog.get_logger("catdog_trainer")


def main() -> int:
    """Run one training, and return the process's exit code."""
    signal.signal(signal.SIGTERM, _stop)
    os.umask(0o002)  # the group is what pods of one claim have in common
    configure_logging()
    allow_open_files()
    config = read_environment(Config, os.environ)
    progress = ProgressReporter(_begin_showing(config))
    try:
        result = _see_to_version(config, progress)
    except DataError as error:
        if error.reason not in _NOT_OF_THE_RECORDS:
            forget_offsets(config.work_dir)  # the next attempt is to see what was mended
        clear_leftovers(config.storage, config.model_name)
        if error.reason == CLAIM_FULL:
            _clear_for_room(config)  # the next attempt may need just that
        _logger.warning("data at fault", reason=error.reason, message=str(error))
        _write_message(config, TrainingFailure(error.reason, str(error), error.permanent))
        return EXIT_DATA
    _logger.info(
        "version present",
        version=result.version,
        accuracy=result.accuracy,
        seconds=round(progress.seconds(), 1),
        estimates=[
            {"after": round(after, 1), "total": round(total, 1)} for after, total in progress.estimates()
        ],
    )
    _write_message(config, result)
    return 0


def _see_to_version(config: Config, progress: ProgressReporter) -> TrainingResult:
    """Return the version of the training's hash, after a training where there is none.

    Raises:
        DataError: as `train_version` does, or ClaimFull.
    """
    storage, model = config.storage, config.model_name
    progress.start("Starting")
    with telling_when_full(storage):
        clear_leftovers(storage, model)
        prune(storage, model, config.pruned, config.training_hash, config.champion_version)
        version = find_version(storage, model, config.training_hash)
        already_present = version is not None
        if version is None:
            _find_room(config)
            version = _train(config, progress)
            _clear_for_room(config)
        clear_work(config.work_dir)
    return describe_version(storage, model, version, already_present=already_present)


def _find_room(config: Config) -> None:
    """See that there is room for a version; where there is not, make some of what nobody needs.

    Raises:
        DataError: ClaimFull.
    """
    try:
        check_room(config.storage, config.needed_mebibytes, config.work_dir)
    except DataError:
        _clear_for_room(config)
        check_room(config.storage, config.needed_mebibytes, config.work_dir)


def _clear_for_room(config: Config) -> None:
    """Delete what neither a version nor the present settings need."""
    clear_other_work(config.work_dir)
    clear_unused(config.storage, config.model_name, ARCHITECTURES[config.architecture])


def _train(config: Config, progress: ProgressReporter) -> int:
    """Train; where another pod is faster, and has cleared the work of both away, return its version."""
    try:
        return train_version(config, progress)
    except (FileNotFoundError, VersionDamagedError):
        version = find_version(config.storage, config.model_name, config.training_hash)
        if version is None:
            raise
        return version


def _begin_showing(config: Config) -> Callable[[Progress], None]:
    """Return what tells progress: by log lines, and by metrics where a port is named."""
    metrics = Metrics(config.model_name, config.training_hash)
    if config.http_port is not None:
        serve_metrics(metrics, config.http_port)

    def show(progress: Progress) -> None:
        metrics.show(progress)
        _logger.info("progress", progress=msgspec.to_builtins(progress))

    return show


def _write_message(config: Config, message: TrainingResult | TrainingFailure) -> None:
    Path(config.termination_log).write_bytes(msgspec.json.encode(message))


def _stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    """Leave at once: what is not published is a draft, and nobody reads drafts."""
    os._exit(128 + signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
