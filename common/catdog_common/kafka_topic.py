"""Looks up a topic without making it: brokers by default create what a client merely asks for."""

from typing import Any

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import NoError, for_code
from aiokafka.protocol.metadata import MetadataRequest

from catdog_common.kafka_binding import KafkaLogin

NO_LEADER = -1  # in place of a broker's number: https://kafka.apache.org/protocol#The_Messages_Metadata


async def find_partitions(login: KafkaLogin, topic: str, client_id: str) -> tuple[int, ...]:
    """Return the numbers of a topic's partitions; a topic that is not there is not made by asking.

    Raises:
        KafkaError: no broker answers, or the topic is not there, or not for us.
        KafkaSecurityError: what we would be let in by is missing.
    """
    described = await _describe(login, topic, client_id)
    return tuple(sorted(each["partition"] for each in described))


async def find_leaderless(login: KafkaLogin, topic: str, client_id: str) -> tuple[int, ...]:
    """Return the numbers of those of a topic's partitions that no broker leads: nobody reads or writes them.

    Raises:
        KafkaError: no broker answers, or the topic is not there, or not for us.
        KafkaSecurityError: what we would be let in by is missing.
    """
    described = await _describe(login, topic, client_id)
    return tuple(sorted(each["partition"] for each in described if each["leader"] == NO_LEADER))


async def _describe(login: KafkaLogin, topic: str, client_id: str) -> list[dict[str, Any]]:
    client = AIOKafkaClient(bootstrap_servers=login.servers, client_id=client_id, **login.security.settings())
    try:
        await client.bootstrap()
        request = MetadataRequest([topic], allow_auto_topic_creation=False)
        response = await client.send(client.get_random_node(), request)
    finally:
        await client.close()
    [described] = response.to_object()["topics"]
    if (error := for_code(described["error_code"])) is not NoError:
        raise error(topic)
    partitions: list[dict[str, Any]] = described["partitions"]
    return partitions
