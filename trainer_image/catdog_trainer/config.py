"""What a training is to do, as the operator writes it into the pod's environment."""

import re
from pathlib import Path
from typing import Literal

from catdog_common.artifact import PartitionOffsets
from catdog_common.kafka_binding import KafkaEnvironment
from catdog_trainer.architectures import ARCHITECTURES
from catdog_trainer.data.addresses import BucketAddress, TopicAddress

_NUMBERS = re.compile(r"([1-9][0-9]*(,[1-9][0-9]*)*)?")
_RANGES = re.compile(r"([0-9]+:[0-9]+-[0-9]+(,[0-9]+:[0-9]+-[0-9]+)*)?")


class Config(KafkaEnvironment, frozen=True, kw_only=True):
    """The environment's `CATDOG_*`, read by `catdog_common.environment.read_environment`."""

    model_name: str
    training_hash: str  # ten hex digits over the settings that shape the model
    storage_dir: str  # the claim for models
    dataset: Literal["sample", "directory", "s3", "kafka"]
    architecture: str
    epochs: int
    batch_size: int
    learning_rate: float
    seed: int
    early_stopping_patience: int | None = None  # epochs; None: all are done
    fine_tune: bool = False
    augment: bool = False
    dataset_dir: str | None = None  # the photos, where `dataset` is `directory`: /data or /data/<path>
    dataset_root: str = "/data"  # where the photos' claim is mounted
    s3_endpoint: str = ""
    s3_bucket: str = ""
    s3_prefix: str = ""
    s3_region: str = "us-east-1"  # what signs for an S3 that has no regions
    s3_credentials_dir: str = ""
    s3_ca_file: str = ""  # by default the public CAs
    kafka_topic: str = ""
    kafka_max_images: int = 0  # records to read at most
    kafka_offsets: str = ""  # "0:5-90,1:0-80": of each partition the records from 5 and before 90
    kafka_spool_bytes: int = 8 * 2**30  # of its photos on the scratch space
    champion_version: int | None = None  # serves as the Job is made; the new version is compared with it
    prune_versions: str = ""  # "1,2": to be removed from the claim first
    sample_dir: str = "/opt/catdog/sample"
    weights_dir: str = "/opt/catdog/weights"
    http_port: int | None = None  # of the metrics; None: they are not shown
    termination_log: str = "/dev/termination-log"

    def __post_init__(self) -> None:
        """Refuse a network that there is not or that is not to be tuned, a place or a number left out."""
        if self.architecture not in ARCHITECTURES:
            raise ValueError(f"{self.architecture} is none of {', '.join(ARCHITECTURES)}")
        if self.fine_tune and ARCHITECTURES[self.architecture].tuned_from is None:
            raise ValueError(f"{self.architecture} is trained from scratch: CATDOG_FINE_TUNE is not for it")
        if self.dataset == "directory" and not self.dataset_dir:
            raise ValueError("the dataset is a directory, and the environment has no CATDOG_DATASET_DIR")
        if self.dataset == "s3" and not (self.s3_endpoint and self.s3_bucket and self.s3_credentials_dir):
            raise ValueError(
                "the dataset is s3, and the environment lacks one of CATDOG_S3_ENDPOINT, CATDOG_S3_BUCKET "
                "and CATDOG_S3_CREDENTIALS_DIR"
            )
        if self.dataset == "kafka" and not (
            self.kafka_topic and (self.kafka_max_images or self.kafka_offsets)
        ):
            raise ValueError(
                "the dataset is kafka, and the environment lacks one of CATDOG_KAFKA_TOPIC and "
                "CATDOG_KAFKA_MAX_IMAGES or CATDOG_KAFKA_OFFSETS"
            )
        if not _RANGES.fullmatch(self.kafka_offsets):
            raise ValueError(f"CATDOG_KAFKA_OFFSETS is {self.kafka_offsets!r}, not ranges like 0:5-90,1:0-80")
        if not _NUMBERS.fullmatch(self.prune_versions):
            raise ValueError(f"CATDOG_PRUNE_VERSIONS is {self.prune_versions!r}, not numbers like 1,2")

    @property
    def bucket(self) -> BucketAddress:
        """Where the photos are, if `dataset` is `s3`."""
        return BucketAddress(
            endpoint=self.s3_endpoint,
            name=self.s3_bucket,
            region=self.s3_region,
            credentials_dir=Path(self.s3_credentials_dir),
            ca_file=Path(self.s3_ca_file) if self.s3_ca_file else None,
        )

    @property
    def topic(self) -> TopicAddress:
        """Where the photos are, if `dataset` is `kafka`."""
        return TopicAddress(
            self.kafka_topic,
            self.kafka_max_images,
            self.kafka_spool_bytes,
            self.kafka_login,
            tuple(_read_range(each) for each in self.kafka_offsets.split(",") if each),
        )

    @property
    def storage(self) -> Path:
        """The claim for models."""
        return Path(self.storage_dir)

    @property
    def pruned(self) -> tuple[int, ...]:
        """The numbers of the versions to remove."""
        return tuple(int(number) for number in self.prune_versions.split(",") if number)

    @property
    def needed_mebibytes(self) -> int:
        """What the training may take on the claim for models."""
        architecture = ARCHITECTURES[self.architecture]
        return architecture.needed_mebibytes(trains_network=self.fine_tune or architecture.published is None)

    @property
    def work_dir(self) -> Path:
        """Where this training works, until it publishes by a rename."""
        return self.storage / self.model_name / "work" / self.training_hash


def _read_range(text: str) -> PartitionOffsets:
    partition, _, offsets = text.partition(":")
    start, _, end = offsets.partition("-")
    return PartitionOffsets(int(partition), int(start), int(end))
