"""Where the client's Kafka is, what lets it in, and the topics of the model that it talks to."""

from pathlib import Path

import msgspec


class Config(msgspec.Struct, frozen=True):
    """The client's settings; each is an option of `catdog` and a variable `CATDOG_...` of the environment."""

    kafka_bootstrap_servers: str
    kafka_ca_dir: Path  # every *.crt in it is trusted
    kafka_user_dir: Path  # user.crt and user.key
    input_topic: str
    output_topic: str
    dead_letter_topic: str
    max_image_bytes: int | None = None  # None: as the input topic says
