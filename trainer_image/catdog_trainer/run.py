"""What all steps of one training need to know: its settings, the champion, the threads, and whom to tell."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from catdog_common.artifact import TrainingSettings
from catdog_trainer.architectures import ARCHITECTURES, Architecture
from catdog_trainer.champion import Champion
from catdog_trainer.config import Config
from catdog_trainer.data import Dataset
from catdog_trainer.feature_store import RESAMPLING
from catdog_trainer.progress import ProgressReporter
from catdog_trainer.views import AUGMENTED, View


@dataclass(frozen=True)
class Run:
    """One training, from its photos to its version."""

    config: Config
    champion: Champion | None
    threads: int
    progress: ProgressReporter

    @property
    def architecture(self) -> Architecture:
        """The network that it is to use."""
        return ARCHITECTURES[self.config.architecture]

    @property
    def weights(self) -> Path:
        """The folder of the networks' ImageNet weights."""
        return Path(self.config.weights_dir)

    def network_dir(self, dataset: Dataset) -> Path:
        """Return where it keeps the epochs of a network that learns from `dataset`, and from no other.

        Nor from the same photos resized otherwise, as a trainer of another release has them.
        """
        digest = dataset.digest().removeprefix("sha256:")[:16]
        return self.config.work_dir / "network" / f"{digest}-{RESAMPLING}"

    @property
    def settings(self) -> TrainingSettings:
        """What shapes the version, as its metadata have it."""
        config = self.config
        return TrainingSettings(
            architecture=config.architecture,
            image_size=self.architecture.image_size,
            epochs=config.epochs,
            batch_size=config.batch_size,
            learning_rate=config.learning_rate,
            seed=config.seed,
            early_stopping_patience=config.early_stopping_patience,
            fine_tune=config.fine_tune,
            augment=self.config.augment or self.architecture.always_augments,
        )

    @property
    def views(self) -> Sequence[View]:
        """The views of training photos that a head learns from, beside the plain one."""
        return AUGMENTED if self.config.augment and not self.architecture.always_augments else ()

    def count_passes(self, dataset: Dataset) -> int:
        """Return how often photos pass the trunk, with the further views of those for training."""
        return len(dataset.photos) + len(self.views) * len(dataset.of("training"))
