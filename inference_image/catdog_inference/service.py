"""The worker's side of Kafka: take records, and commit them when what became of them is acknowledged."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import monotonic

import structlog
from aiokafka import (
    AIOKafkaConsumer,
    AIOKafkaProducer,
    ConsumerRebalanceListener,
    ConsumerRecord,
    TopicPartition,
)
from aiokafka.errors import (
    CommitFailedError,
    IllegalStateError,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
)

from catdog_common.complaints import KAFKA_UNUSABLE, NO_NEW_CONNECTION
from catdog_common.kafka_diagnosis import why_unreachable
from catdog_common.kafka_security import KafkaSecurityError
from catdog_common.messages import (
    Answer,
    Model,
    OutgoingRecord,
    SourceRecord,
    build_answer,
    event_source,
    record_bytes,
    write_answer,
    write_dead_letter,
)
from catdog_inference.bad_run import BadRun
from catdog_inference.classify import Classifier, Prediction, Rejection, Verdict
from catdog_inference.config import Config
from catdog_inference.health import Health
from catdog_inference.lag import Lag
from catdog_inference.ledger import Ledger, Place
from catdog_inference.metrics import Metrics
from catdog_inference.pipeline import BatchSettings, Pipeline
from catdog_inference.probe import probe
from catdog_inference.publisher import CONNECT_SECONDS, Publisher, stop_client
from catdog_inference.shadow import Shadow
from catdog_inference.waiting import (
    Trouble,
    connected_within,
    finished_before,
    is_set_within,
    side_by_side,
)

# How long a rebalance waits for the batch in flight, so that its records are not answered twice.
REVOCATION_SECONDS = 20.0

# A worker that reads for so long without being refused is let in: a refusal comes with the first answer.
CALM_SECONDS = 5.0

# To join a group may take as long as its rebalance (kafka.py).
JOIN_SECONDS = 90.0

# What may be taken and not committed: so much is answered twice at most where a worker ends without a word.
IN_FLIGHT_BATCHES = 4
IN_FLIGHT_BYTES = 64 * 1024 * 1024  # but for a single record

_POLL_MILLISECONDS = 200

log = structlog.get_logger()


class InferenceService(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Answers every record of the input topic, at least once.

    A record ends as an answer, a dead letter, or not committed. Whatever Kafka does to us (it is away, a
    topic is missing, an ACL is taken) is tried again for as long as it takes.
    """

    def __init__(
        self,
        config: Config,
        *,
        new_consumer: Callable[[], AIOKafkaConsumer],
        new_producer: Callable[[], AIOKafkaProducer],
        classifier: Classifier,
        health: Health,
        metrics: Metrics,
        shadow: Shadow | None = None,
        revocation_seconds: float = REVOCATION_SECONDS,
        calm_seconds: float = CALM_SECONDS,
        connect_seconds: float = CONNECT_SECONDS,
        join_seconds: float = JOIN_SECONDS,
    ) -> None:
        self._config = config
        self._new_consumer = new_consumer
        self._publisher = Publisher(new_producer, metrics, connect_seconds)
        self._pipeline = Pipeline(
            classifier,
            self._publisher,
            metrics,
            write=self._write,
            done=self._settle,
            batches=BatchSettings(config.max_batch_size, config.max_batch_delay_milliseconds / 1000),
        )
        self._health = health
        self._metrics = metrics
        self._shadow = shadow
        self._revocation_seconds = revocation_seconds
        self._calm_seconds = calm_seconds
        self._join_seconds = join_seconds
        self._model = Model(config.model_name, config.model_version)
        self._source = event_source(config.kafka_cluster, config.model_namespace, config.model_name)
        if shadow is not None:
            self._source += "/shadow"  # with `ce_id` it names an answer, and a record has two
        self._trouble, self._closed_door = Trouble(KAFKA_UNUSABLE), Trouble(NO_NEW_CONNECTION)
        health.troubles = (self._trouble, self._publisher.refusal, self._closed_door)
        self._bad_run = BadRun(config.input_topic, config.dead_letter_topic)
        health.call = lambda: self._bad_run.call
        self._ledger, self._lag = Ledger(), Lag(metrics.prefix)
        metrics.show_in_flight(lambda: self._ledger.records, lambda: self._ledger.bytes)
        metrics.registry.register(self._lag)
        self._rebalancing = False
        self._unanchored: set[TopicPartition] = set()
        # Two events, as each is cleared by who waits for it.
        self._answered = asyncio.Event()  # something was, and may be committed
        self._less = asyncio.Event()  # is in flight
        self._idle = asyncio.Event()  # nothing is in flight
        self._idle.set()
        self._assigned = asyncio.Event()  # partitions were, since a commit came too late
        self._assigned.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set; then finish the batch in flight, commit, and leave the group."""
        while not stop.is_set():
            try:
                await self._serve(stop)
            except (KafkaError, KafkaSecurityError) as error:
                self._metrics.connection_failures.inc()
                await is_set_within(stop, self._trouble.again(error, await self._explain(error)))

    async def _explain(self, error: Exception) -> str | None:
        if not isinstance(error, KafkaConnectionError):
            return None
        try:
            return await why_unreachable(self._config.kafka_login())
        except KafkaSecurityError as broken:
            return str(broken)

    async def _serve(self, stop: asyncio.Event) -> None:
        """Join the group and answer until `stop` is set, or until there is another password to join with.

        Raises:
            KafkaError, KafkaSecurityError: Kafka can't be used now.
        """
        password = self._config.kafka_login().security.password()
        consumer = self._new_consumer()
        consumer.subscribe([self._config.input_topic], listener=self)
        self._lag.follow(consumer)
        try:
            if not await finished_before(stop, self._publisher.start()):
                return
            if self._shadow is not None and not await finished_before(stop, self._shadow.start()):
                return
            if not await finished_before(stop, connected_within(self._join_seconds, consumer.start())):
                return
            await side_by_side(
                self._read(consumer, lambda: stop.is_set() or self._password_changed(password)),
                self._pipeline.run(),
                self._commit_what_is_due(consumer),
                probe(self._config.kafka_login, self._closed_door),
                *([self._shadow.run()] if self._shadow is not None else []),
            )
        finally:
            self._forget()
            self._lag.follow(None)
            await stop_client(consumer.stop)
            await self._publisher.stop()
            if self._shadow is not None:
                await self._shadow.stop()

    async def _read(self, consumer: AIOKafkaConsumer, ended: Callable[[], bool]) -> None:
        """Take records until it is to end; return when all of them are answered and committed."""
        calm_from = monotonic() + self._calm_seconds
        while not ended():
            await self._anchor(consumer)
            if not self._assigned.is_set():
                await self._rejoin(ended)
                continue
            if self._shadow is not None and self._shadow.is_behind(self._lag.total):
                await self._go_on_with_the_newest(consumer, self._shadow)
                continue
            if (room := await self._room()) == 0:
                continue
            taken = await self._take_what_is_there(consumer, room)
            await self._lag.locate()
            # Not earlier: without the right to read, say, we can join, and would join several times a second.
            if taken or monotonic() > calm_from:
                self._trouble.over()
                self._health.settled = True
        await self._idle.wait()

    async def _rejoin(self, ended: Callable[[], bool]) -> None:
        """Wait for partitions, after a commit that came too late, or until it is to end.

        What was in flight is forgotten and lies before our position: to read on would be to lose it.

        Raises:
            KafkaTimeoutError: none came; another consumer may get some.
        """
        deadline = monotonic() + self._join_seconds
        while not (await is_set_within(self._assigned, _POLL_MILLISECONDS / 1000) or ended()):
            if monotonic() > deadline:
                raise KafkaTimeoutError(f"the group was not joined again within {self._join_seconds:g} s")

    async def _room(self) -> int:
        """Return how many records may be taken now, or 0 after some waiting for room."""
        limit = IN_FLIGHT_BATCHES * self._config.max_batch_size
        if self._ledger.records < limit and self._ledger.bytes < IN_FLIGHT_BYTES:
            return limit - self._ledger.records
        self._less.clear()
        await is_set_within(self._less, _POLL_MILLISECONDS / 1000)
        return 0

    async def _go_on_with_the_newest(self, consumer: AIOKafkaConsumer, shadow: Shadow) -> None:
        """Have a shadow leave out what lies before it, as soon as nothing is in flight."""
        if not await is_set_within(self._idle, _POLL_MILLISECONDS / 1000):
            return
        if committed := await shadow.go_on_with_the_newest(consumer):
            self._lag.commit(committed)
        else:
            await asyncio.sleep(_POLL_MILLISECONDS / 1000)  # our partitions are going, or none are ours

    async def _take_what_is_there(self, consumer: AIOKafkaConsumer, room: int) -> int:
        """Take up to `room` records, after some waiting for the first; return how many.

        One by one, which costs some five microseconds each: together, what lies in compressed batches may be
        larger than all memory.
        """
        for number in range(room):
            if self._ledger.bytes >= IN_FLIGHT_BYTES:
                return number
            wait = 0 if number else _POLL_MILLISECONDS
            batch = await consumer.getmany(timeout_ms=wait, max_records=1)
            if not batch:
                return number
            for partition, records in batch.items():
                for record in records:
                    self._take(partition, record)
        return room

    def _take(self, partition: TopicPartition, record: ConsumerRecord[bytes, bytes]) -> None:
        self._idle.clear()
        size = record_bytes(record.key, record.value, record.headers)
        self._ledger.take(Place(partition, record.offset), size)
        self._lag.take(partition, record.offset)
        self._pipeline.put(parse_record(record))

    def _settle(self, records: Sequence[SourceRecord], verdicts: Sequence[Verdict]) -> None:
        """Take note that records are answered, and that this is acknowledged."""
        self._ledger.finish(
            Place(TopicPartition(each.topic, each.partition), each.offset) for each in records
        )
        for record, verdict in zip(records, verdicts, strict=True):
            self._count(record, verdict)
        self._answered.set()
        self._less.set()

    async def _commit_what_is_due(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            self._answered.clear()
            if due := self._ledger.due():
                await self._commit(consumer, due)
                self._ledger.commit(due)
                self._less.set()
            if self._ledger.idle:
                self._idle.set()
            await self._answered.wait()

    async def _commit(self, consumer: AIOKafkaConsumer, offsets: dict[TopicPartition, int]) -> None:
        try:
            with self._metrics.stage("commit"):
                await consumer.commit(offsets)
            self._lag.commit(offsets)
        except IllegalStateError:
            log.info("answered, but not committed: the partitions are another worker's by now")
        except CommitFailedError:
            # The group has gone on without us. What was fetched before would only be answered twice.
            log.info("answered, but not committed: the group must be joined again")
            self._assigned.clear()
            self._forget()

    def _forget(self) -> None:
        """Drop what is in flight: whoever has its partitions answers it."""
        self._pipeline.abandon()
        self._ledger.forget()
        self._idle.set()
        self._less.set()

    def _password_changed(self, known: str | None) -> bool:
        """Whether the clients have to be made anew: they keep the password that they were made with."""
        with suppress(KafkaSecurityError):  # it is just being replaced, or was taken away: go on for now
            if self._config.kafka_login().security.password() != known:
                log.info("the password changed: connecting anew")
                return True
        return False

    def _write(self, record: SourceRecord, verdict: Verdict) -> OutgoingRecord | None:
        if isinstance(verdict, Rejection):
            if self._shadow is not None:
                return None  # the champion writes the dead letter
            error = f"UnreadableImageError.{verdict.reason}"
            return write_dead_letter(record, error, verdict.message, self._config.dead_letter_topic)
        return write_answer(self._answer(record, verdict), record, self._source, self._config.output_topic)

    def _answer(self, record: SourceRecord, prediction: Prediction) -> Answer:
        return build_answer(record, prediction.label, prediction.probabilities, self._model)

    def _count(self, record: SourceRecord, verdict: Verdict) -> None:
        self._metrics.acknowledged(record.timestamp)
        if isinstance(verdict, Rejection):
            self._metrics.dead_letters.labels(verdict.reason).inc()
            if self._shadow is not None:
                self._shadow.comparison.reject()
            else:
                self._bad_run.rejected(verdict.reason)
        else:
            if self._shadow is not None:
                self._shadow.comparison.hear(self._answer(record, verdict), is_champion=False)
            self._metrics.answers.labels(verdict.label).inc()
            self._bad_run.answered()
            self._metrics.confidence.labels(verdict.label).observe(max(verdict.probabilities.values()))

    async def _anchor(self, consumer: AIOKafkaConsumer) -> None:
        """Commit where we begin, where the group has no offset yet and `startFrom` is the latest record.

        Else what comes while no worker runs would be behind the latest record when the next one starts.
        """
        while self._unanchored and not self._rebalancing:
            partition = self._unanchored.pop()
            with suppress(CommitFailedError, IllegalStateError):  # it is no longer ours
                if await consumer.committed(partition) is None:
                    position = await consumer.position(partition)
                    taken = self._ledger.first(partition)  # what came at once may be on its way already
                    await consumer.commit({partition: position if taken is None else taken})

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:  # noqa: ARG002  all of them
        """Let what is in flight be answered and committed before its partitions go."""
        self._rebalancing = True
        self._unanchored.clear()
        if not await is_set_within(self._idle, self._revocation_seconds):
            log.warning("what is in flight is abandoned: its partitions were revoked before it was answered")
            self._forget()

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Begin with the partitions that are now ours (none, if there are more workers than partitions)."""
        self._rebalancing = False
        self._lag.begin_anew()
        self._assigned.set()
        if self._config.kafka_start_from == "latest":
            self._unanchored = set(assigned)
        self._health.joined = True
        log.info("partitions assigned", partitions=sorted(each.partition for each in assigned))


def parse_record(record: ConsumerRecord[bytes, bytes]) -> SourceRecord:
    """Return a record of aiokafka as the rest of the worker knows it."""
    return SourceRecord(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=record.key,
        value=record.value,
        headers=tuple(record.headers),
        timestamp=record.timestamp,
    )
