"""Strimzi's objects as the operator reads them."""

from typing import Any

import msgspec

from catdog_operator.views import NAMESPACE_LABEL, Condition, Metadata, View


class ListenerAuthentication(View, frozen=True):
    """How a listener's clients prove who they are."""

    type: str = ""


class ListenerSpec(View, frozen=True):
    """A Kafka listener as its spec has it."""

    name: str = ""
    tls: bool = False
    authentication: ListenerAuthentication | None = None


class KafkaSettings(View, frozen=True):
    """The part of a Kafka's spec that is about its brokers."""

    listeners: tuple[ListenerSpec, ...] = ()


class KafkaClusterSpec(View, frozen=True):
    """A Kafka's spec."""

    kafka: KafkaSettings = KafkaSettings()


class Listener(View, frozen=True):
    """A Kafka listener as its status has it."""

    name: str = ""
    bootstrap_servers: str | None = None


class KafkaClusterStatus(View, frozen=True):
    """A Kafka's status."""

    listeners: tuple[Listener, ...] = ()
    conditions: tuple[Condition, ...] = ()


class KafkaCluster(View, frozen=True):
    """A Kafka resource of Strimzi's."""

    metadata: Metadata
    spec: KafkaClusterSpec = KafkaClusterSpec()
    status: KafkaClusterStatus = KafkaClusterStatus()


class StrimziStatus(View, frozen=True):
    """The status of a KafkaTopic or KafkaUser."""

    conditions: tuple[Condition, ...] = ()
    observed_generation: int = 0
    secret: str | None = None


class AccessedKafka(View, frozen=True):
    """The Kafka that a KafkaAccess is to; its own namespace's where none is named."""

    name: str
    namespace: str | None = None
    listener: str | None = None


class AccessSpec(View, frozen=True):
    """A KafkaAccess's spec."""

    kafka: AccessedKafka


class Binding(View, frozen=True):
    """The Secret that a KafkaAccess has come to."""

    name: str = ""


class AccessStatus(View, frozen=True):
    """A KafkaAccess's status."""

    binding: Binding = Binding()
    conditions: tuple[Condition, ...] = ()


class KafkaAccess(View, frozen=True):
    """A KafkaAccess: what the Access Operator makes a Secret of, in any namespace."""

    metadata: Metadata
    spec: AccessSpec
    status: AccessStatus = AccessStatus()

    @property
    def kafka_namespace(self) -> str:
        """Where the Kafka is."""
        return self.spec.kafka.namespace or self.metadata.namespace


class TopicSpec(View, frozen=True):
    """A KafkaTopic's spec."""

    partitions: int | None = None
    replicas: int | None = None
    topic_name: str | None = None  # in Kafka, where it is not the resource's
    config: dict[str, Any] = msgspec.field(default_factory=dict)


class KafkaTopic(View, frozen=True):
    """A KafkaTopic."""

    metadata: Metadata
    spec: TopicSpec = TopicSpec()
    status: StrimziStatus = StrimziStatus()

    @property
    def model_namespace(self) -> str:
        """The namespace of the model that it was made for, if it was made for one."""
        return self.metadata.labels.get(NAMESPACE_LABEL, self.metadata.namespace)


class KafkaUser(View, frozen=True):
    """A KafkaUser."""

    metadata: Metadata
    status: StrimziStatus = StrimziStatus()
