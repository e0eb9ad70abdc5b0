"""Where the client's Kafka is, what lets it in, and the topics of the model that it talks to."""

from pathlib import Path

import msgspec

from catdog_common.kafka_binding import KafkaLogin
from catdog_common.kafka_security import KafkaSecurity, Mechanism


class KafkaConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How Kafka is reached; each is an option of `catdog` and a variable `CATDOG_...` of the environment."""

    kafka_bootstrap_servers: str
    kafka_ca_dir: Path | None  # every *.crt in it is trusted; None: no TLS
    kafka_user_dir: Path | None  # user.crt and user.key, or password; None: the client is nobody
    kafka_sasl_mechanism: Mechanism | None = None
    kafka_username: str | None = None  # with a mechanism
    max_image_bytes: int | None = None  # None: as the topic says

    @property
    def login(self) -> KafkaLogin:
        """Where it is, and how the client is let in."""
        security = KafkaSecurity(
            self.kafka_ca_dir, self.kafka_user_dir, self.kafka_sasl_mechanism, self.kafka_username or ""
        )
        return KafkaLogin(self.kafka_bootstrap_servers, security)


class AnswersConfig(KafkaConfig, frozen=True, kw_only=True):
    """The settings of a client that reads what became of images."""

    output_topic: str
    dead_letter_topic: str


class Config(AnswersConfig, frozen=True, kw_only=True):
    """The settings of a client that talks to a model."""

    input_topic: str
