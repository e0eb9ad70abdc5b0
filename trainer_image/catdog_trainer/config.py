"""What a training is to do, as the operator writes it into the pod's environment."""

import re
from pathlib import Path
from typing import Literal

import msgspec

from catdog_trainer.architectures import ARCHITECTURES

_NUMBERS = re.compile(r"([1-9][0-9]*(,[1-9][0-9]*)*)?")


class Config(msgspec.Struct, frozen=True):
    """The environment's `CATDOG_*`, read by `catdog_common.environment.read_environment`."""

    model_name: str
    training_hash: str  # ten hex digits over the settings that shape the model
    storage_dir: str  # the claim for models
    dataset: Literal["sample", "directory"]
    architecture: str
    epochs: int
    batch_size: int
    learning_rate: float
    seed: int
    dataset_dir: str | None = None  # the photos, where `dataset` is `directory`: /data or /data/<path>
    dataset_root: str = "/data"  # where the photos' claim is mounted
    champion_version: int | None = None  # serves as the Job is made; the new version is compared with it
    prune_versions: str = ""  # "1,2": to be removed from the claim first
    sample_dir: str = "/opt/catdog/sample"
    weights_dir: str = "/opt/catdog/weights"
    termination_log: str = "/dev/termination-log"

    def __post_init__(self) -> None:
        """Refuse a network that there is not, a directory that is not named, versions that are no numbers."""
        if self.architecture not in ARCHITECTURES:
            raise ValueError(f"{self.architecture} is none of {', '.join(ARCHITECTURES)}")
        if self.dataset == "directory" and not self.dataset_dir:
            raise ValueError("the dataset is a directory, and the environment has no CATDOG_DATASET_DIR")
        if not _NUMBERS.fullmatch(self.prune_versions):
            raise ValueError(f"CATDOG_PRUNE_VERSIONS is {self.prune_versions!r}, not numbers like 1,2")

    @property
    def storage(self) -> Path:
        """The claim for models."""
        return Path(self.storage_dir)

    @property
    def pruned(self) -> tuple[int, ...]:
        """The numbers of the versions to remove."""
        return tuple(int(number) for number in self.prune_versions.split(",") if number)

    @property
    def work_dir(self) -> Path:
        """Where this training works, until it publishes by a rename."""
        return self.storage / self.model_name / "work" / self.training_hash
