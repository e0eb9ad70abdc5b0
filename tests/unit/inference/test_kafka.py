from typing import Any

from catdog_common.environment import read_environment
from catdog_inference.config import Config
from catdog_inference.kafka import new_producer


async def test_the_producer_is_idempotent_and_awaits_all_replicas_in_sync(
    environment: dict[str, str],
) -> None:
    config = read_environment(Config, environment | {"CATDOG_KAFKA_CA_DIR": "", "CATDOG_KAFKA_USER_DIR": ""})
    producer = new_producer(config)
    try:
        sender: Any = producer._sender  # noqa: SLF001 -- no other door leads to what it asks of a broker
        assert sender._acks == -1, "-1 is all of them"  # noqa: SLF001
        assert sender._txn_manager is not None, "by it batches are numbered"  # noqa: SLF001
    finally:
        await producer.stop()
