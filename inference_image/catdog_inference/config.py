"""What the operator tells the worker, by its environment (each field is `CATDOG_<FIELD>`)."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from catdog_common.kafka_binding import KafkaEnvironment

Positive = Annotated[int, msgspec.Meta(ge=1)]


class Config(KafkaEnvironment, frozen=True, kw_only=True):
    """The worker's settings; read once, by `catdog_common.environment.read_environment`."""

    model_name: str
    model_namespace: str
    model_version: Positive
    storage_dir: str  # where the claim is mounted
    kafka_cluster: str  # <namespace>/<name> of a Kafka resource, else its addresses
    kafka_consumer_group: str
    kafka_start_from: Literal["earliest", "latest"]  # for a partition that the group has no offset for
    input_topic: str
    output_topic: str
    dead_letter_topic: str  # to which a shadow writes nothing
    champion_topic: str | None = None  # of the answers that those of a shadow are compared with
    max_image_bytes: Positive
    max_batch_size: Positive
    max_batch_delay_milliseconds: Annotated[int, msgspec.Meta(ge=0)]
    http_port: Annotated[int, msgspec.Meta(ge=1, le=65535)]

    @property
    def storage(self) -> Path:
        """The claim."""
        return Path(self.storage_dir)
