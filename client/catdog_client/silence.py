"""Why a topic gives nothing: as far as brokers say."""

import asyncio
from collections.abc import Mapping, Sequence

from aiokafka.errors import KafkaError

from catdog_client.config import KafkaConfig
from catdog_client.errors import ClientError
from catdog_common.kafka_topic import find_leaderless

_CLIENT_ID = "catdog"
_ASK_SECONDS = 15.0


async def explain_silence(config: KafkaConfig, topics: Sequence[str], error: KafkaError) -> ClientError:
    """Return what is to be said where topics give nothing."""
    try:
        async with asyncio.timeout(_ASK_SECONDS):
            found = {each: await find_leaderless(config.login, each, _CLIENT_ID) for each in topics}
    except (KafkaError, TimeoutError):  # which says no more than that brokers are away
        found = {}
    return tell_silence(topics, found, str(error))


def tell_silence(topics: Sequence[str], leaderless: Mapping[str, Sequence[int]], said: str) -> ClientError:
    """Return what is to be said, by the partitions that no broker leads and by what the client said."""
    places = [
        f"partition {number} of topic {topic}" for topic in topics for number in leaderless.get(topic, ())
    ]
    advice = "see that all brokers run"
    if places:
        have = "have" if len(places) > 1 else "has"
        return ClientError(f"{', '.join(places)} {have} no leader, and can't be read; {advice}")
    return ClientError(f"topic {', '.join(topics)} can't be read: {said}; {advice}")
