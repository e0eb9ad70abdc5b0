"""Where the client's Kafka is, what lets it in, and the topics of the model that it talks to."""

from pathlib import Path

import msgspec

from catdog_common.kafka_binding import KafkaLogin
from catdog_common.kafka_security import KafkaSecurity


class KafkaConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How Kafka is reached; each is an option of `catdog` and a variable `CATDOG_...` of the environment."""

    kafka_bootstrap_servers: str
    kafka_ca_dir: Path  # every *.crt in it is trusted
    kafka_user_dir: Path  # user.crt and user.key
    max_image_bytes: int | None = None  # None: as the topic says

    @property
    def login(self) -> KafkaLogin:
        """Where it is, and how the client is let in."""
        return KafkaLogin(self.kafka_bootstrap_servers, KafkaSecurity(self.kafka_ca_dir, self.kafka_user_dir))


class Config(KafkaConfig, frozen=True, kw_only=True):
    """The settings of a client that talks to a model."""

    input_topic: str
    output_topic: str
    dead_letter_topic: str
