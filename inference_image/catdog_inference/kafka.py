"""How the worker's Kafka clients are set: sizes, time-outs, and what makes them lose nothing."""

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from catdog_common.kafka_batches import bound_batches
from catdog_inference.config import Config

# What topics of dead letters allow beside the image: for key and headers, and for their own headers besides.
DEAD_LETTER_OVERHEAD_BYTES = 128 * 1024

# Where a record is larger, Kafka gives it alone (KIP-74): memory grows with the partitions, and hardly with
# what lies in them.
_FETCH_BYTES = 16 * 1024 * 1024
_PARTITION_FETCH_BYTES = 2 * 1024 * 1024
# What a compressed batch may unfold to, if that is no less than twice the largest image. Images hardly are
# compressed any further: their batches unfold to about the 2 MiB that a partition's fetch asks for.
_UNFOLDED_BYTES = 32 * 1024 * 1024
_PRODUCE_BATCH_BYTES = 128 * 1024  # some two hundred answers go in one request
_RETRY_BACKOFF_MILLISECONDS = 250

# How long a partition that was added may go unread; aiokafka looks for such at five minutes by default.
_METADATA_MILLISECONDS = 20_000

# A worker that dies without a word is missed after ten seconds. A rebalance is noticed with the next
# heartbeat, and waits for a batch in flight (service.REVOCATION_SECONDS) with time to spare. While a version
# is rolled out, a partition waits 0.4 s at most with these heartbeats, and 0.8 to 1.2 s with one a second
# (tests/e2e/serving/test_rolling.py).
_SESSION_MILLISECONDS = 10_000
_HEARTBEAT_MILLISECONDS = 300
_REBALANCE_MILLISECONDS = 60_000


def new_consumer(config: Config) -> AIOKafkaConsumer:
    """Return a consumer of the group, which subscribes to nothing yet and commits only when told to.

    It leaves batches folded that are too large for us, as all consumers of this process do from now on.

    Raises:
        KafkaSecurityError: a certificate or the key is missing, or can't be read.
    """
    login = config.kafka_login()
    bound_batches(max(_UNFOLDED_BYTES, 2 * config.max_image_bytes))
    return AIOKafkaConsumer(
        bootstrap_servers=login.servers,
        client_id=_client_id(config),
        group_id=config.kafka_consumer_group,
        enable_auto_commit=False,
        auto_offset_reset=config.kafka_start_from,
        max_partition_fetch_bytes=_PARTITION_FETCH_BYTES,
        fetch_max_bytes=_FETCH_BYTES,
        session_timeout_ms=_SESSION_MILLISECONDS,
        heartbeat_interval_ms=_HEARTBEAT_MILLISECONDS,
        rebalance_timeout_ms=_REBALANCE_MILLISECONDS,
        retry_backoff_ms=_RETRY_BACKOFF_MILLISECONDS,
        metadata_max_age_ms=_METADATA_MILLISECONDS,
        **login.security.settings(),
    )


def new_listener(config: Config, topic: str) -> AIOKafkaConsumer:
    """Return a consumer of all of a topic's partitions, which is in no group and begins at their ends.

    Raises:
        KafkaSecurityError: a certificate or the key is missing, or can't be read.
    """
    login = config.kafka_login()
    return AIOKafkaConsumer(
        topic,
        bootstrap_servers=login.servers,
        client_id=_client_id(config),
        auto_offset_reset="latest",
        enable_auto_commit=False,
        retry_backoff_ms=_RETRY_BACKOFF_MILLISECONDS,
        metadata_max_age_ms=_METADATA_MILLISECONDS,
        **login.security.settings(),
    )


def new_producer(config: Config) -> AIOKafkaProducer:
    """Return an idempotent producer whose acknowledgements come from all replicas in sync.

    Raises:
        KafkaSecurityError: a certificate or the key is missing, or can't be read.
    """
    login = config.kafka_login()
    return AIOKafkaProducer(
        bootstrap_servers=login.servers,
        client_id=_client_id(config),
        acks="all",
        enable_idempotence=True,
        max_batch_size=_PRODUCE_BATCH_BYTES,
        max_request_size=config.max_image_bytes + DEAD_LETTER_OVERHEAD_BYTES,
        retry_backoff_ms=_RETRY_BACKOFF_MILLISECONDS,
        **login.security.settings(),
    )


def _client_id(config: Config) -> str:
    return f"catdog-{config.model_namespace}-{config.model_name}"
