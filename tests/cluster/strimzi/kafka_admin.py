"""What the topic and user operators ask of a cluster's brokers, as the cluster operator's super user."""

import asyncio
import re
from collections.abc import Collection, Mapping
from concurrent.futures import Future
from typing import Any, TypeVar

import msgspec
from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    NewPartitions,
    NewTopic,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialAlteration,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)

Result = TypeVar("Result")

_TIMEOUT_SECONDS = 15.0
_SCRAM_ITERATIONS = 4096

_OUTAGES = (
    KafkaError._TIMED_OUT,  # noqa: SLF001 -- the client's own codes
    KafkaError._TRANSPORT,  # noqa: SLF001
    KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001
    KafkaError._DESTROY_BROKER,  # noqa: SLF001
)

# Kafka's Java exceptions that are not named as the protocol's error codes are.
_EXCEPTIONS = {
    "INVALID_CONFIG": "InvalidConfigurationException",
    "TOPIC_ALREADY_EXISTS": "TopicExistsException",
    "TOPIC_EXCEPTION": "InvalidTopicException",
    "_TIMED_OUT": "TimeoutException",
    "_TRANSPORT": "TimeoutException",
}


class Credentials(msgspec.Struct, frozen=True):
    """How to reach a cluster and be let in; all PEM."""

    servers: str
    authority: bytes
    certificate: bytes
    key: bytes


class Topic(msgspec.Struct, frozen=True):
    """A topic as Kafka has it."""

    id: str
    replicas: tuple[int, ...]  # how many each partition has
    config: dict[str, str]  # only what was set for this topic


class Partition(msgspec.Struct, frozen=True):
    """A topic's partition, and how many replicas have to be in sync for a producer with acks=all."""

    topic: str
    number: int
    replicas: tuple[int, ...]  # brokers' ids
    in_sync: tuple[int, ...]
    min_in_sync: int


class KafkaAdmin:
    """Kafka's admin protocol without blocking the event loop; failures are KafkaException."""

    def __init__(self, credentials: Credentials) -> None:
        self._lost = False
        self._client = AdminClient(
            {
                "bootstrap.servers": credentials.servers,
                "security.protocol": "ssl",
                "ssl.ca.pem": credentials.authority.decode(),
                "ssl.certificate.pem": credentials.certificate.decode(),
                "ssl.key.pem": credentials.key.decode(),
                "socket.timeout.ms": int(_TIMEOUT_SECONDS * 1000),
                "reconnect.backoff.ms": 500,
                "reconnect.backoff.max.ms": 2000,
            }
        )

    @property
    def lost(self) -> bool:
        """Whether the brokers were not reached once; the client may never find them again."""
        return self._lost

    async def broker_ids(self) -> set[int]:
        """Return the brokers that are registered and not fenced."""
        cluster = await self._one(self._client.describe_cluster(request_timeout=_TIMEOUT_SECONDS))
        return {node.id for node in cluster.nodes}

    async def partitions(self) -> list[Partition]:
        """Return the partitions of all topics, Kafka's own among them."""
        cluster = await asyncio.to_thread(self._client.list_topics, timeout=_TIMEOUT_SECONDS)
        resources = [_topic_resource(name) for name in cluster.topics]
        configs = await self._all(self._client.describe_configs(resources)) if resources else []
        return [
            Partition(name, part.id, tuple(part.replicas), tuple(part.isrs), _min_in_sync(config))
            for (name, topic), config in zip(cluster.topics.items(), configs, strict=True)
            for part in topic.partitions.values()
        ]

    async def topic(self, name: str) -> Topic | None:
        """Return a topic, or None where there is none."""
        try:
            described = await self._only(self._client.describe_topics(TopicCollection([name])))
        except KafkaException as error:
            if error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                return None
            raise
        entries: dict[str, ConfigEntry] = await self._only(
            self._client.describe_configs([_topic_resource(name)])
        )
        set_here = {entry.name: entry.value or "" for entry in entries.values() if _is_set_here(entry)}
        # The client writes the id in base64's first alphabet, Kafka's own tools in the one for URLs.
        topic_id = str(described.topic_id).replace("+", "-").replace("/", "_")
        return Topic(topic_id, tuple(len(part.replicas) for part in described.partitions), set_here)

    async def create_topic(
        self, name: str, partitions: int, replicas: int, config: Mapping[str, str]
    ) -> None:
        """Create a topic; -1 is the broker's default."""
        new_topic = NewTopic(
            name, num_partitions=partitions, replication_factor=replicas, config=dict(config)
        )
        await self._only(self._client.create_topics([new_topic], operation_timeout=_TIMEOUT_SECONDS))

    async def add_partitions(self, name: str, total: int) -> None:
        """Let a topic have `total` partitions, which must be more than it has."""
        await self._only(self._client.create_partitions([NewPartitions(name, total)]))

    async def alter_topic(self, name: str, changed: Mapping[str, str], removed: Collection[str]) -> None:
        """Set some of a topic's options, and let others be the broker's default again."""
        set_op, delete_op = AlterConfigOpType.SET, AlterConfigOpType.DELETE
        entries = [ConfigEntry(key, value, incremental_operation=set_op) for key, value in changed.items()]
        entries += [ConfigEntry(key, None, incremental_operation=delete_op) for key in removed]
        resource = _topic_resource(name, entries)
        await self._only(self._client.incremental_alter_configs([resource]))

    async def delete_topic(self, name: str) -> None:
        """Delete a topic, if it is there."""
        try:
            await self._only(self._client.delete_topics([name], operation_timeout=_TIMEOUT_SECONDS))
        except KafkaException as error:
            if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise

    async def acls(self, principal: str | None = None) -> set[AclBinding]:
        """Return all rules, or those of one principal."""
        future = self._client.describe_acls(_acl_filter(principal), request_timeout=_TIMEOUT_SECONDS)
        return set(await self._one(future))

    async def add_acls(self, acls: Collection[AclBinding]) -> None:
        """Add rules."""
        if acls:
            await self._all(self._client.create_acls(list(acls), request_timeout=_TIMEOUT_SECONDS))

    async def remove_acls(self, acls: Collection[AclBinding]) -> None:
        """Remove exactly these rules."""
        filters = [AclBindingFilter(*acl._to_tuple()) for acl in acls]  # noqa: SLF001 -- its seven fields, in order
        if filters:
            await self._all(self._client.delete_acls(filters, request_timeout=_TIMEOUT_SECONDS))

    async def set_password(
        self, user: str, password: bytes, mechanism: ScramMechanism = ScramMechanism.SCRAM_SHA_512
    ) -> None:
        """Let a user log in by this mechanism with this password, and no other."""
        info = ScramCredentialInfo(mechanism, _SCRAM_ITERATIONS)
        change = UserScramCredentialUpsertion(user, info, password)
        await self._only(
            self._client.alter_user_scram_credentials([change], request_timeout=_TIMEOUT_SECONDS)
        )

    async def users_with_password(self) -> set[str]:
        """Return those that can log in by SCRAM-SHA-512."""
        future = self._client.describe_user_scram_credentials(request_timeout=_TIMEOUT_SECONDS)
        assert isinstance(future, Future)  # of all users; of some it would be one each
        described = await self._one(future)
        return {
            name
            for name, user in described.items()
            if any(each.mechanism == ScramMechanism.SCRAM_SHA_512 for each in user.scram_credential_infos)
        }

    async def remove_passwords(self, users: Collection[str]) -> None:
        """Let users no longer log in by SCRAM-SHA-512."""
        changes: list[UserScramCredentialAlteration] = [
            UserScramCredentialDeletion(user, ScramMechanism.SCRAM_SHA_512) for user in users
        ]
        if changes:
            await self._all(
                self._client.alter_user_scram_credentials(changes, request_timeout=_TIMEOUT_SECONDS)
            )

    async def _all(self, futures: Mapping[Any, Future[Result]]) -> list[Result]:
        return [await self._one(future) for future in futures.values()]

    async def _only(self, futures: Mapping[Any, Future[Result]]) -> Result:
        [result] = await self._all(futures)
        return result

    async def _one(self, future: Future[Result]) -> Result:
        try:
            return await asyncio.wrap_future(future)
        except KafkaException as error:
            self._lost = self._lost or is_outage(error)
            raise


def is_outage(error: KafkaException) -> bool:
    """Whether the brokers were not reached, so that nothing is known."""
    return error.args[0].code() in _OUTAGES


def java_message(error: KafkaException) -> str:
    """Return an error as a Java client, such as Strimzi, prints it."""
    cause = error.args[0]
    words = cause.name().strip("_").lower().split("_")
    regular = "".join(word.capitalize() for word in words) + "Exception"
    name = _EXCEPTIONS.get(cause.name(), re.sub("ErrorException$", "Exception", regular))
    return f"org.apache.kafka.common.errors.{name}: {cause.str()}"


def _topic_resource(name: str, entries: list[ConfigEntry] | None = None) -> ConfigResource:
    return ConfigResource(ResourceType.TOPIC, name, incremental_configs=entries)


def _min_in_sync(config: Mapping[str, ConfigEntry]) -> int:
    return int(config["min.insync.replicas"].value or 1)


def _is_set_here(entry: ConfigEntry) -> bool:
    # The client hands out the number where it should hand out the enumeration's member.
    return ConfigSource(entry.source) is ConfigSource.DYNAMIC_TOPIC_CONFIG


def _acl_filter(principal: str | None) -> AclBindingFilter:
    # None matches any value; the package's own annotations don't know that.
    anything: Any = None
    return AclBindingFilter(
        ResourceType.ANY,
        anything,
        ResourcePatternType.ANY,
        principal or anything,
        anything,
        AclOperation.ANY,
        AclPermissionType.ANY,
    )
