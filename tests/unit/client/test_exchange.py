"""What a sender makes of batches that nobody should unfold; a real broker has the rest tested."""

from collections.abc import Iterator

import pytest
from aiokafka.consumer import fetcher
from aiokafka.record.memory_records import MemoryRecords

from catdog_client.config import Config
from catdog_client.exchange import Exchange
from catdog_common.kafka_batches import Batches


@pytest.fixture(autouse=True)
def aiokafkas() -> Iterator[None]:
    """Have aiokafka read batches by itself, whatever another test has left."""
    before, fetcher.MemoryRecords = fetcher.MemoryRecords, MemoryRecords
    yield
    fetcher.MemoryRecords = before


async def test_what_comes_back_is_read_by_batches_that_are_bounded() -> None:
    exchange = Exchange(
        Config(
            kafka_bootstrap_servers="broker-0:9093",
            kafka_ca_dir=None,
            kafka_user_dir=None,
            input_topic="i",
            output_topic="o",
            dead_letter_topic="d",
        )
    )
    await exchange.__aexit__()  # it was never entered, as there is no Kafka
    assert isinstance(fetcher.MemoryRecords(b""), Batches)
