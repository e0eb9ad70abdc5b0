"""What a sender makes of batches that nobody should unfold; a real broker has the rest tested."""

import socket
from collections.abc import Iterator

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.errors import KafkaTimeoutError
from aiokafka.record.memory_records import MemoryRecords

from catdog_client.config import Config
from catdog_client.errors import ClientError
from catdog_client.exchange import Exchange
from catdog_common.kafka_batches import Batches


@pytest.fixture(autouse=True)
def aiokafkas() -> Iterator[None]:
    """Have aiokafka read batches by itself, whatever another test has left."""
    before, fetcher.MemoryRecords = fetcher.MemoryRecords, MemoryRecords
    yield
    fetcher.MemoryRecords = before


def exchange_of(servers: str) -> Exchange:
    """Return an exchange that is yet to be entered."""
    return Exchange(
        Config(
            kafka_bootstrap_servers=servers,
            kafka_ca_dir=None,
            kafka_user_dir=None,
            input_topic="i",
            output_topic="o",
            dead_letter_topic="d",
        )
    )


async def test_what_comes_back_is_read_by_batches_that_are_bounded() -> None:
    exchange = exchange_of("broker-0:9093")
    await exchange.__aexit__()  # it was never entered, as there is no Kafka
    assert isinstance(fetcher.MemoryRecords(b""), Batches)


async def test_who_awaits_answers_is_told_of_a_partition_that_does_not_say_where_it_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def numbers(_producer: AIOKafkaProducer, _topic: str) -> set[int]:
        return {0}

    async def silent(_consumer: AIOKafkaConsumer, partitions: list[TopicPartition]) -> dict[object, int]:
        raise KafkaTimeoutError(f"{len(partitions)} partitions did not answer")

    monkeypatch.setattr(AIOKafkaProducer, "partitions_for", numbers)
    monkeypatch.setattr(AIOKafkaConsumer, "end_offsets", silent)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        exchange = exchange_of(f"127.0.0.1:{nobody.getsockname()[1]}")
        with pytest.raises(ClientError, match=r"topic o, d can't be read: .*2 partitions did not answer"):
            await exchange.listen()
    await exchange.__aexit__()
