"""Makes Kafka's topics be what KafkaTopics say.

Strimzi docs: "Using the Topic Operator to manage Kafka topics" (deletion, finalizers, unmanaged topics,
conflicts).
"""

import logging
from typing import Any

import msgspec
from confluent_kafka import KafkaError, KafkaException

from tests.cluster.strimzi.admins import Admins
from tests.cluster.strimzi.controller import Key, RetryError
from tests.cluster.strimzi.kafka_admin import KafkaAdmin, Topic, is_outage, java_message
from tests.cluster.strimzi.kube import Kube, Manifest
from tests.cluster.strimzi.objects import condition, is_never_ready, status_of
from tests.cluster.strimzi.spec import property_value

FINALIZER = "strimzi.io/topic-operator"
RESYNC_SECONDS = 120.0

logger = logging.getLogger(__name__)


class WantedTopic(msgspec.Struct, frozen=True):
    """A KafkaTopic, parsed; None is the broker's default."""

    name: str
    partitions: int | None
    replicas: int | None
    config: dict[str, str]


class NotSupportedError(Exception):
    """A KafkaTopic asks for what the Topic Operator can't do."""


class TopicOperator:
    """Reconciles KafkaTopics with the topics of their cluster."""

    def __init__(self, kube: Kube, admins: Admins) -> None:
        self._kube = kube
        self._admins = admins

    async def reconcile(self, key: Key) -> float | None:
        """Bring one topic to what its resource says, and write how that went."""
        resource = await self._kube.get("KafkaTopic", *key)
        cluster = resource and resource["metadata"].get("labels", {}).get("strimzi.io/cluster")
        if not resource or not cluster or is_never_ready(resource):
            return None
        admin = await self._admins.of(key.namespace, cluster, "topicOperator")
        if admin is None:
            return None
        if "deletionTimestamp" in resource["metadata"]:
            await self._finish_deletion(resource, admin)
            return None
        await self._kube.set_status(resource, await self._synchronize(resource, cluster, admin))
        return RESYNC_SECONDS

    async def _synchronize(self, resource: Manifest, cluster: str, admin: KafkaAdmin) -> Manifest:
        if _annotation(resource, "strimzi.io/pause-reconciliation") == "true":
            return status_of(resource, [condition("ReconciliationPaused")], **_identity(resource))
        if not _is_managed(resource):
            return status_of(resource, [condition("Unmanaged")], **_identity(resource))
        if owner := await self._other_owner(resource, cluster):
            return _failed(resource, "ResourceConflict", f"Managed by {owner}")
        resource = await self._with_finalizer(resource)
        wanted = parse_topic(resource)
        try:
            topic = await _ensure_topic(admin, wanted)
            check_support(wanted, topic)
        except KafkaException as error:
            if is_outage(error):
                raise
            if error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:  # since the look a moment ago
                raise RetryError(str(error)) from error
            return _failed(resource, "KafkaError", java_message(error), topicName=wanted.name)
        except NotSupportedError as error:
            return _failed(resource, "NotSupported", str(error), topicName=wanted.name, topicId=topic.id)
        return status_of(resource, [condition("Ready")], topicName=wanted.name, topicId=topic.id)

    async def _finish_deletion(self, resource: Manifest, admin: KafkaAdmin) -> None:
        finalizers = resource["metadata"].get("finalizers", [])
        if FINALIZER not in finalizers:
            return
        if _is_managed(resource):
            await admin.delete_topic(parse_topic(resource).name)
        remaining = [each for each in finalizers if each != FINALIZER]
        await self._kube.merge(resource, {"metadata": {"finalizers": remaining}})

    async def _with_finalizer(self, resource: Manifest) -> Manifest:
        finalizers = resource["metadata"].get("finalizers", [])
        if FINALIZER in finalizers:
            return resource
        return await self._kube.merge(resource, {"metadata": {"finalizers": [*finalizers, FINALIZER]}})

    async def _other_owner(self, resource: Manifest, cluster: str) -> str | None:
        """Return the older KafkaTopic of the same topic, as Strimzi prints it."""
        namespace = resource["metadata"]["namespace"]
        topics = await self._kube.list("KafkaTopic", namespace, f"strimzi.io/cluster={cluster}")
        name = parse_topic(resource).name
        rivals = [topic for topic in topics if parse_topic(topic).name == name and _is_managed(topic)]
        oldest = min(rivals, key=_age, default=resource)
        if oldest["metadata"]["name"] == resource["metadata"]["name"]:
            return None
        return f"Ref{{namespace='{namespace}', name='{oldest['metadata']['name']}'}}"


def parse_topic(resource: Manifest) -> WantedTopic:
    """Return what a KafkaTopic asks for."""
    spec = resource["spec"]
    return WantedTopic(
        name=spec.get("topicName") or resource["metadata"]["name"],
        partitions=spec.get("partitions"),
        replicas=spec.get("replicas"),
        config={key: property_value(value) for key, value in spec.get("config", {}).items()},
    )


def config_changes(wanted: dict[str, str], found: dict[str, str]) -> tuple[dict[str, str], set[str]]:
    """Return which options to set, and which to leave to the broker's default again."""
    changed = {key: value for key, value in wanted.items() if found.get(key) != value}
    return changed, found.keys() - wanted.keys()


def check_support(wanted: WantedTopic, topic: Topic) -> None:
    """Raise NotSupportedError where a topic differs in what can't be changed."""
    if wanted.partitions is not None and wanted.partitions < len(topic.replicas):
        raise NotSupportedError("Decreasing partitions not supported")
    others = [number for number, replicas in enumerate(topic.replicas) if replicas != wanted.replicas]
    if wanted.replicas is not None and others:
        raise NotSupportedError(
            f"Replication factor change not supported, but required for partitions {others}"
        )


async def _ensure_topic(admin: KafkaAdmin, wanted: WantedTopic) -> Topic:
    topic = await admin.topic(wanted.name)
    if topic is None:
        await admin.create_topic(wanted.name, wanted.partitions or -1, wanted.replicas or -1, wanted.config)
        logger.info("created topic %s", wanted.name)
    else:
        changed, removed = config_changes(wanted.config, topic.config)
        if changed or removed:
            await admin.alter_topic(wanted.name, changed, removed)
        if wanted.partitions is not None and wanted.partitions > len(topic.replicas):
            await admin.add_partitions(wanted.name, wanted.partitions)
    topic = await admin.topic(wanted.name)
    if topic is None:
        raise RetryError(f"the brokers do not all know topic {wanted.name} yet")
    return topic


def _failed(resource: Manifest, reason: str, message: str, **fields: object) -> Manifest:
    return status_of(resource, [condition("Ready", "False", reason, message)], **fields)


def _identity(resource: Manifest) -> dict[str, Any]:
    status = resource.get("status", {})
    return {key: status[key] for key in ("topicName", "topicId") if key in status}


def _annotation(resource: Manifest, name: str) -> str | None:
    value: str | None = resource["metadata"].get("annotations", {}).get(name)
    return value


def _is_managed(resource: Manifest) -> bool:
    return _annotation(resource, "strimzi.io/managed") != "false"


def _age(resource: Manifest) -> tuple[str, str]:
    return resource["metadata"]["creationTimestamp"], resource["metadata"]["name"]
