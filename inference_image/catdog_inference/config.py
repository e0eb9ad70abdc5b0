"""What the operator tells the worker, by its environment (each field is `CATDOG_<FIELD>`)."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from catdog_common.kafka_binding import KafkaLogin, read_binding
from catdog_common.kafka_security import KafkaSecurity, Mechanism

Positive = Annotated[int, msgspec.Meta(ge=1)]


class Config(msgspec.Struct, frozen=True):
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
    dead_letter_topic: str
    max_image_bytes: Positive
    max_batch_size: Positive
    max_batch_delay_milliseconds: Annotated[int, msgspec.Meta(ge=0)]
    http_port: Annotated[int, msgspec.Meta(ge=1, le=65535)]
    # See KafkaSecurity; and where a binding is, that says the rest.
    kafka_bootstrap_servers: str = ""
    kafka_binding_dir: str = ""
    kafka_ca_dir: str = ""
    kafka_user_dir: str = ""
    kafka_sasl_mechanism: Mechanism | None = None
    kafka_username: str = ""

    @property
    def storage(self) -> Path:
        """The claim."""
        return Path(self.storage_dir)

    def kafka_login(self) -> KafkaLogin:
        """Return where Kafka is and how the worker is let in, as it is now.

        Raises:
            KafkaSecurityError: a binding lacks something.
        """
        ca_dir, user_dir = (Path(each) if each else None for each in (self.kafka_ca_dir, self.kafka_user_dir))
        if self.kafka_binding_dir and ca_dir and user_dir:
            return read_binding(Path(self.kafka_binding_dir), ca_dir, user_dir)
        security = KafkaSecurity(ca_dir, user_dir, self.kafka_sasl_mechanism, self.kafka_username)
        return KafkaLogin(self.kafka_bootstrap_servers, security)
