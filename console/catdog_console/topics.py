"""Where a model's topics are, by its resource, and whether the console's way into Kafka leads there."""

from collections.abc import Mapping
from typing import Any

import msgspec

from catdog_client.model_kafka import read_model_kafka
from catdog_client.size_limit import DEFAULT_IMAGE_BYTES
from catdog_common.kafka_binding import KafkaLogin
from catdog_console.views_of_kafka import ModelTopics

_SHADOW_SUFFIX = "-predictions-shadow"  # as the operator calls the topic that no name is given for


class _Topic(msgspec.Struct, frozen=True):
    name: str | None = None


class _Topics(msgspec.Struct, frozen=True):
    shadow: _Topic = _Topic()


class _Strimzi(msgspec.Struct, frozen=True):
    namespace: str | None = None


class _Kafka(msgspec.Struct, frozen=True):
    topics: _Topics = _Topics()
    strimzi: _Strimzi | None = None


class _Inference(msgspec.Struct, frozen=True, rename="camel"):
    shadow_version: int | None = None


class _Spec(msgspec.Struct, frozen=True):
    kafka: _Kafka = _Kafka()
    inference: _Inference = _Inference()


def read_topics(body: Mapping[str, Any]) -> ModelTopics:
    """Return the topics of a CatDogModel.

    Raises:
        ClientError: its status does not say them yet; the message says what to look at.
    """
    kafka = read_model_kafka(body)
    spec = msgspec.convert(body["spec"], _Spec)
    namespace = body["metadata"]["namespace"]
    return ModelTopics(
        namespace=namespace,
        name=kafka.model,
        servers=kafka.status.bootstrap_servers,
        input=kafka.status.input_topic,
        output=kafka.status.output_topic,
        dead_letters=kafka.status.dead_letter_topic,
        shadow=_shadow_topic(spec, namespace, kafka.model),
        max_image_bytes=kafka.spec.max_image_bytes or DEFAULT_IMAGE_BYTES,
    )


def _shadow_topic(spec: _Spec, namespace: str, model: str) -> str | None:
    """Return the topic of a shadow's answers, if there is one, of which the status does not tell."""
    if spec.inference.shadow_version is None:
        return None
    elsewhere = spec.kafka.strimzi is not None and spec.kafka.strimzi.namespace
    unnamed = (f"{namespace}.{model}" if elsewhere else model) + _SHADOW_SUFFIX
    return spec.kafka.topics.shadow.name or unnamed


def why_out_of_reach(topics: ModelTopics, login: KafkaLogin) -> str | None:
    """Return why the console's login is none for a model's Kafka, as a sentence, or None: it is one.

    Hosts are compared and not ports: a Kafka has a port for each way to be let in.
    """
    if not login.servers:
        return (
            "The console was given no Kafka: set CATDOG_KAFKA_BOOTSTRAP_SERVERS and what lets it in, as "
            "manifests/console does."
        )
    if topics.servers is None:
        return f"Model {topics.name} does not say where its Kafka is: see its condition KafkaReady."
    if _hosts(topics.servers) & _hosts(login.servers):
        return None
    return (
        f"The Kafka of model {topics.name} is at {topics.servers}, and the console's login is for "
        f"{login.servers}: run a console with a login for that Kafka too."
    )


def _hosts(servers: str) -> frozenset[str]:
    return frozenset(each.strip().rpartition(":")[0] for each in servers.split(","))
