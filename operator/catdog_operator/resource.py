"""The CatDogModel as the operator reads it: frozen, typed, and parsed once."""

import hashlib
from datetime import datetime
from typing import Any, Literal

import msgspec

from catdog_operator.status_fields import ModelStatus

Architecture = Literal["efficientnet-lite0", "efficientnet-lite2", "cnn"]


class Part(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A part of the resource. What has a constant default has it in the CRD, and is a required field here."""


class SampleDataset(Part, frozen=True):
    """The pictures that come with the trainer's image."""


class ClaimDataset(Part, frozen=True):
    """Photos on a claim."""

    claim_name: str
    path: str = ""


class SecretName(Part, frozen=True):
    """A Secret of the model's namespace."""

    name: str


class SecretKey(Part, frozen=True):
    """One key of a Secret of the model's namespace."""

    name: str
    key: str


class S3Dataset(Part, frozen=True):
    """Photos in a bucket; `ca_secret` None means the public CAs."""

    endpoint: str  # https://host[:port], or http:// where that is what the user wants
    bucket: str
    credentials_secret: SecretName
    prefix: str = ""
    region: str | None = None
    ca_secret: SecretKey | None = None

    @property
    def location(self) -> dict[str, str]:
        """Which photos these are, whoever reads them and over whatever address: it shapes the model."""
        folder = self.prefix.rstrip("/")
        return {"bucket": self.bucket} | ({"prefix": folder} if folder else {})


class OffsetRange(Part, frozen=True):
    """Records of a topic's partition: from `start`, and before `end`."""

    partition: int
    start: int
    end: int


class TopicDataset(Part, frozen=True):
    """Photos in a topic of the Kafka that the model is served over."""

    topic: str
    max_images: int | None = None  # at most so many records are read
    offsets: tuple[OffsetRange, ...] = ()  # just these are; (): the newest

    @property
    def ordered(self) -> "TopicDataset":
        """The same, whatever the order in which partitions were named: it shapes the model."""
        offsets = tuple(sorted(self.offsets, key=lambda each: each.partition))
        return msgspec.structs.replace(self, offsets=offsets)


class Dataset(Part, frozen=True):
    """The photos to learn from; exactly one field is set."""

    sample: SampleDataset | None = None
    persistent_volume_claim: ClaimDataset | None = None
    s3: S3Dataset | None = None
    kafka: TopicDataset | None = None


class Resources(Part, frozen=True):
    """A container's requests and limits: quantities by name."""

    requests: dict[str, str | int] = {}
    limits: dict[str, str | int] = {}


class PullSecret(Part, frozen=True):
    """A Secret to pull an image with."""

    name: str


class Pod(Part, frozen=True):
    """What a pod asks of the cluster; tolerations and affinity are in Kubernetes' own form."""

    resources: Resources = Resources()
    node_selector: dict[str, str] = {}
    tolerations: tuple[dict[str, Any], ...] = ()
    affinity: dict[str, Any] = {}
    priority_class_name: str = ""
    image_pull_secrets: tuple[PullSecret, ...] = ()


class Training(Part, frozen=True, kw_only=True):
    """How the model is trained; None is what the user did not set."""

    dataset: Dataset
    architecture: Architecture | None = None
    epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    early_stopping_patience: int | None = None
    fine_tune: bool | None = None
    augment: bool | None = None
    seed: int | None = None
    revision: str | None = None
    pod: Pod = Pod()
    backoff_limit: int
    active_deadline_seconds: int


class Claim(Part, frozen=True):
    """A claim that the operator makes; `storage_class_name` None means the cluster's default."""

    size: str
    access_mode: Literal["ReadWriteOnce", "ReadWriteMany"]
    when_deleted: Literal["Retain", "Delete"]
    storage_class_name: str | None = None


class Storage(Part, frozen=True):
    """Where versions are kept, and how many; at most one claim is set."""

    keep_versions: int
    claim: Claim | None = None
    existing_claim: str | None = None


class Promotion(Part, frozen=True):
    """Which versions may serve; accuracies are fractions, None sets no bound."""

    policy: Literal["Automatic", "Manual"]
    min_accuracy: float | None = None
    max_accuracy_drop: float | None = None


class Inference(Part, frozen=True):
    """How the model is served; `model_version` None leaves the choice of the version to the rules.

    `shadow_version` answers the same records beside the version that serves, into a topic of its own.
    """

    replicas: int
    max_batch_size: int
    max_batch_delay_milliseconds: int
    model_version: int | None = None
    shadow_version: int | None = None
    pod: Pod = Pod()


class StrimziCluster(Part, frozen=True):
    """A Kafka cluster by its Kafka resource, and the listener to connect to.

    Where it is in a `namespace` that is named, the workers' Secrets are the user's.
    """

    name: str
    listener: str
    namespace: str | None = None


class Access(Part, frozen=True):
    """A Kafka cluster by a KafkaAccess of Strimzi's in the model's namespace."""

    name: str


class Authentication(Part, frozen=True):
    """Who the workers are to the brokers; each type but `none` has a Secret.

    Without `username`, what has a password has the Secret's name, as Strimzi's users have.
    """

    type: Literal["tls", "scram-sha-512", "scram-sha-256", "plain", "none"]
    secret_name: str | None = None
    username: str | None = None


class TrustedCertificates(Part, frozen=True):
    """A Secret whose certificates are trusted: those that the pattern matches, or a single one by its key."""

    secret_name: str
    pattern: Literal["*.crt"] | None = None
    certificate: str | None = None


class Tls(Part, frozen=True):
    """Which brokers are trusted."""

    trusted_certificates: tuple[TrustedCertificates, ...]


class Topic(Part, frozen=True):
    """A topic; name and replicas may be left to the operator and the brokers."""

    partitions: int
    name: str | None = None
    replicas: int | None = None


class Topics(Part, frozen=True):
    """The topics of a model, and what becomes of those that were made for it when it is deleted.

    `shadow` None leaves the shadow's to the operator, as `output` is.
    """

    input: Topic
    output: Topic
    dead_letters: Topic
    when_deleted: Literal["Retain", "Delete"]
    shadow: Topic | None = None


class Kafka(Part, frozen=True):
    """The Kafka cluster and the topics that the model is served over.

    Either `strimzi` is set, or `access`, or `bootstrap_servers` with `authentication`, and with `tls` where
    brokers speak it.
    """

    start_from: Literal["Earliest", "Latest"]
    topics: Topics
    max_image_bytes: int
    strimzi: StrimziCluster | None = None
    access: Access | None = None
    bootstrap_servers: str | None = None
    authentication: Authentication | None = None
    tls: Tls | None = None
    consumer_group: str | None = None


class Spec(Part, frozen=True):
    """What the user wants."""

    paused: bool
    training: Training
    storage: Storage
    promotion: Promotion
    inference: Inference
    kafka: Kafka


class ModelMetadata(msgspec.Struct, frozen=True, rename="camel"):
    """What the operator reads of a resource's metadata."""

    name: str
    namespace: str
    uid: str
    generation: int
    deletion_timestamp: datetime | None = None


class CatDogModel(msgspec.Struct, frozen=True, rename="camel"):
    """A CatDogModel as it is stored."""

    metadata: ModelMetadata
    spec: Spec
    status: ModelStatus = ModelStatus()

    @property
    def name(self) -> str:
        """Its name."""
        return self.metadata.name

    @property
    def namespace(self) -> str:
        """Its namespace, in which all that belongs to it lives too."""
        return self.metadata.namespace


def parse_model(body: dict[str, Any]) -> CatDogModel:
    """Return the resource that the API server sent.

    A status that is not of this form, such as another release's, counts as none: it is written anew.

    Raises:
        msgspec.ValidationError: it is not of the form that this operator's CRD has.
    """
    try:
        return msgspec.convert(body, CatDogModel)
    except msgspec.ValidationError:
        return msgspec.convert(body | {"status": {}}, CatDogModel)


MODEL_SHAPING_FIELDS = (
    "dataset",
    "architecture",
    "epochs",
    "batch_size",
    "learning_rate",
    "early_stopping_patience",
    "fine_tune",
    "augment",
    "seed",
    "revision",
)


def training_hash(training: Training) -> str:
    """Return what names a version: ten hex digits over the model-shaping fields that the user set.

    Fields and defaults that a later release adds leave it as it is, so that an upgrade trains nothing again.
    """
    settings = {field: getattr(training, field) for field in MODEL_SHAPING_FIELDS}
    if (s3 := training.dataset.s3) is not None:
        settings["dataset"] = {"s3": s3.location}
    if (topic := training.dataset.kafka) is not None:
        settings["dataset"] = {"kafka": topic.ordered}
    chosen = {field: value for field, value in settings.items() if value not in (None, "")}
    return short_digest(chosen)


def short_digest(value: object) -> str:
    """Return ten hex digits that change with `value`, whatever the order of its keys."""
    return hashlib.sha256(msgspec.json.encode(value, order="sorted")).hexdigest()[:10]
