"""Where photos are that lie in a bucket or a topic: without the clients, slow to start."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from catdog_common.artifact import PartitionOffsets
from catdog_common.kafka_binding import KafkaLogin

OFFSETS_FILE = "offsets.json"  # in a training's folder: what is read of a topic


@dataclass(frozen=True)
class BucketAddress:
    """Where a bucket is, who asks, and whom to trust; without `ca_file` the public CAs."""

    endpoint: str
    name: str
    region: str
    credentials_dir: Path  # of `bucket_errors.KEY_FILES`
    ca_file: Path | None = None

    def __str__(self) -> str:
        """Return what a person calls it."""
        return f"bucket {self.name} at {self.endpoint}"


@dataclass(frozen=True)
class TopicAddress:
    """A topic, how much of it is read at most, and how one gets there."""

    name: str
    max_images: int  # records
    spool_bytes: int  # that the values may be together
    login: Callable[[], KafkaLogin]  # as it is now; raises KafkaSecurityError
    offsets: tuple[PartitionOffsets, ...] = ()  # just these records are read; (): the newest `max_images`


def forget_offsets(work_dir: Path) -> None:
    """Have the next attempt look anew at what a topic has."""
    (work_dir / OFFSETS_FILE).unlink(missing_ok=True)
