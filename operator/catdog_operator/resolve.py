"""Computes what a CatDogModel leaves open: names, and settings that depend on one another."""

from typing import NamedTuple, TypeVar

import msgspec

from catdog_operator.resource import Architecture, CatDogModel, Claim, Kafka, Topic, training_hash
from catdog_operator.status_fields import TrainingStatus

Number = TypeVar("Number", int, float)


class ArchitectureDefaults(NamedTuple):
    """What a training with an architecture does where the user does not say otherwise."""

    image_size: int  # pixels; of published weights what they were trained on
    epochs: int = 20
    batch_size: int = 32
    learning_rate: float = 0.001
    always_augments: bool = False  # whatever the user says


DEFAULTS: dict[Architecture, ArchitectureDefaults] = {
    "efficientnet-lite0": ArchitectureDefaults(224),
    "efficientnet-lite2": ArchitectureDefaults(260),
    "cnn": ArchitectureDefaults(200, 32, 8, 0.0001, always_augments=True),  # as the lab had it
}

INPUT_MARGIN_BYTES = 64 * 1024  # for a record's key and headers beside the image
DEAD_LETTER_MARGIN_BYTES = 128 * 1024  # for those, and the headers that say why


class ResolvedTopic(msgspec.Struct, frozen=True):
    """A topic with its name; `max_message_bytes` None leaves the brokers' own."""

    name: str
    partitions: int
    replicas: int | None
    max_message_bytes: int | None


class Resolved(msgspec.Struct, frozen=True):
    """A CatDogModel with nothing left open; `claim` None means that the user's own claim is used."""

    training: TrainingStatus
    claim_name: str
    claim: Claim | None
    consumer_group: str
    kafka_namespace: str  # where Strimzi's resources are
    input: ResolvedTopic
    output: ResolvedTopic
    dead_letters: ResolvedTopic
    shadow: ResolvedTopic | None  # of the shadow's answers; None where none is wanted
    job_name: str
    deployment_name: str
    shadow_name: str  # of the shadow's Deployment
    shadow_group: str  # in which it consumes
    user_name: str  # of the KafkaUser that the operator makes
    secret_name: str | None  # with the certificate or the password that the workers show, if any

    @property
    def hash(self) -> str:
        """What names the version that these settings give."""
        return self.training.hash

    @property
    def topics(self) -> tuple[ResolvedTopic, ...]:
        """The three topics without which nothing is answered."""
        return self.input, self.output, self.dead_letters

    @property
    def all_topics(self) -> tuple[ResolvedTopic, ...]:
        """These, and the shadow's, if there is to be one and it is none of them."""
        return self.topics + ((self.shadow,) if self.shadow and not self.is_shadow_among_others else ())

    @property
    def is_shadow_among_others(self) -> bool:
        """Whether the shadow's answers would lie among the other records."""
        return self.shadow is not None and self.shadow.name in {topic.name for topic in self.topics}


def resolve(model: CatDogModel) -> Resolved:
    """Return `model` with its derived defaults filled in."""
    kafka, topics, name = model.spec.kafka, model.spec.kafka.topics, model.name
    training = _resolve_training(model)
    elsewhere = kafka.strimzi.namespace if kafka.strimzi else None
    topic = f"{model.namespace}.{name}" if elsewhere else name  # models of many namespaces may meet there
    group = kafka.consumer_group or f"catdog.{model.namespace}.{name}"
    return Resolved(
        training=training,
        claim_name=model.spec.storage.existing_claim or f"{name}-models",
        claim=_resolve_claim(model),
        consumer_group=group,
        kafka_namespace=elsewhere or model.namespace,
        input=_topic(topics.input, f"{topic}-images", kafka.max_image_bytes + INPUT_MARGIN_BYTES),
        output=_topic(topics.output, f"{topic}-predictions", None),
        dead_letters=_topic(
            topics.dead_letters, f"{topic}-dead-letters", kafka.max_image_bytes + DEAD_LETTER_MARGIN_BYTES
        ),
        # Not `-shadow-predictions`: so would the answers of a model be called whose name ends in -shadow.
        shadow=_resolve_shadow(model, f"{topic}-predictions-shadow"),
        job_name=f"{name}-train-{training.hash}",
        deployment_name=f"{name}-inference",
        shadow_name=f"{name}-shadow",
        shadow_group=f"{group}.shadow",
        user_name=f"{name}-catdog",
        secret_name=_resolve_secret_name(kafka, f"{name}-catdog"),
    )


def _resolve_training(model: CatDogModel) -> TrainingStatus:
    training = model.spec.training
    architecture = training.architecture or "efficientnet-lite2"
    default = DEFAULTS[architecture]
    return TrainingStatus(
        hash=training_hash(training),
        architecture=architecture,
        image_size=default.image_size,
        epochs=_given(training.epochs, default.epochs),
        batch_size=_given(training.batch_size, default.batch_size),
        learning_rate=_given(training.learning_rate, default.learning_rate),
        early_stopping_patience=training.early_stopping_patience,
        fine_tune=bool(training.fine_tune),
        augment=default.always_augments or bool(training.augment),
        seed=_given(training.seed, 42),
    )


def _resolve_claim(model: CatDogModel) -> Claim | None:
    storage = model.spec.storage
    if storage.existing_claim is not None:
        return None
    return storage.claim or Claim(size="5Gi", access_mode="ReadWriteOnce", when_deleted="Retain")


def _resolve_secret_name(kafka: Kafka, user: str) -> str | None:
    # A KafkaUser's Secret has the user's name.
    return kafka.authentication.secret_name if kafka.authentication else user


def _topic(topic: Topic, default_name: str, max_message_bytes: int | None) -> ResolvedTopic:
    return ResolvedTopic(
        name=topic.name or default_name,
        partitions=topic.partitions,
        replicas=topic.replicas,
        max_message_bytes=max_message_bytes,
    )


def _resolve_shadow(model: CatDogModel, default_name: str) -> ResolvedTopic | None:
    """Return the topic of the shadow's answers, which is like that of the answers unless it is said."""
    if model.spec.inference.shadow_version is None:
        return None
    topics = model.spec.kafka.topics
    unnamed = msgspec.structs.replace(topics.output, name=None)
    return _topic(topics.shadow or unnamed, default_name, None)


def _given(value: Number | None, default: Number) -> Number:
    return default if value is None else value
