"""Sees to it that a version of the training's hash is on the claim, and says what is there.

The result, or what is wrong with the data, goes into the termination message. A crash leaves that
empty and its traceback in the log, where the kubelet takes it from.
"""

import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn

import msgspec
import structlog

from catdog_common.environment import read_environment
from catdog_common.training import EXIT_DATA, Progress, TrainingFailure, TrainingResult
from catdog_trainer.config import Config
from catdog_trainer.data import DataError
from catdog_trainer.data.topic import forget_offsets
from catdog_trainer.inventory import describe_version, find_version
from catdog_trainer.log import configure_logging
from catdog_trainer.pipeline import train_version
from catdog_trainer.progress import ProgressReporter
from catdog_trainer.retention import prune

_logger = structlog.get_logger("catdog_trainer")


def main() -> int:
    """Run one training, and return the process's exit code."""
    signal.signal(signal.SIGTERM, _stop)
    os.umask(0o002)  # the group is what pods of one claim have in common
    configure_logging()
    config = read_environment(Config, os.environ)
    try:
        result = _see_to_version(config)
    except DataError as error:
        forget_offsets(config.work_dir)  # the next attempt is to see what was mended
        _logger.warning("data at fault", reason=error.reason, message=str(error))
        _write_message(config, TrainingFailure(error.reason, str(error), error.permanent))
        return EXIT_DATA
    _logger.info("version present", version=result.version, accuracy=result.accuracy)
    _write_message(config, result)
    return 0


def _see_to_version(config: Config) -> TrainingResult:
    progress = ProgressReporter(_log_progress)
    progress.start("Starting")
    prune(config.storage, config.model_name, config.pruned, config.training_hash, config.champion_version)
    version = find_version(config.storage, config.model_name, config.training_hash)
    already_present = version is not None
    if version is None:
        version = train_version(config, progress)
    return describe_version(config.storage, config.model_name, version, already_present=already_present)


def _log_progress(progress: Progress) -> None:
    _logger.info("progress", progress=msgspec.to_builtins(progress))


def _write_message(config: Config, message: TrainingResult | TrainingFailure) -> None:
    Path(config.termination_log).write_bytes(msgspec.json.encode(message))


def _stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    """Leave at once: what is not published is a draft, and nobody reads drafts."""
    os._exit(128 + signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
