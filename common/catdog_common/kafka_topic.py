"""Looks up a topic without making it: brokers by default create what a client merely asks for."""

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import NoError, for_code
from aiokafka.protocol.metadata import MetadataRequest

from catdog_common.kafka_binding import KafkaLogin


async def find_partitions(login: KafkaLogin, topic: str, client_id: str) -> tuple[int, ...]:
    """Return the numbers of a topic's partitions; a topic that is not there is not made by asking.

    Raises:
        KafkaError: no broker answers, or the topic is not there, or not for us.
        KafkaSecurityError: what we would be let in by is missing.
    """
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
    return tuple(sorted(each["partition"] for each in described["partitions"]))
