"""How many records lie before the worker that are not committed, by partition, for Prometheus."""

from collections.abc import Iterator, Mapping
from contextlib import suppress

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import IllegalStateError
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector


class Lag(Collector):
    """Compares at each scrape the end of each partition that is ours with what is committed of it.

    The end is the high water mark that the last fetch brought along. A partition that is not ours, or of
    which nothing was fetched yet, is not shown.
    """

    def __init__(self, prefix: str = "catdog") -> None:
        self._prefix = prefix
        self._consumer: AIOKafkaConsumer | None = None
        self._committed: dict[TopicPartition, int] = {}

    def follow(self, consumer: AIOKafkaConsumer | None) -> None:
        """Ask another consumer from now on, or none."""
        self._consumer = consumer
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget what is committed: others may have gone on with the partitions meanwhile."""
        self._committed = {}

    async def locate(self) -> None:
        """Learn where partitions begin that are new, and of which no record was taken yet."""
        for partition in self._assigned():
            if partition not in self._committed and self._end(partition) is not None:
                assert self._consumer is not None  # noqa: S101  it has partitions
                with suppress(IllegalStateError):  # it is no longer ours
                    # No need to wait: where something was fetched, it is known from which offset on.
                    self._committed[partition] = await self._consumer.position(partition)

    def take(self, partition: TopicPartition, offset: int) -> None:
        """Note a record that was taken: the first of its partition is where we begin."""
        self._committed.setdefault(partition, offset)

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Note offsets that are committed."""
        self._committed.update(offsets)

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Return the metric without its values."""
        yield self._family()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Return the lag of each partition that is ours."""
        family = self._family()
        for partition, records in self._records():
            family.add_metric([str(partition.partition)], records)
        yield family

    @property
    def total(self) -> int:
        """Of all partitions that are ours, as far as it is known."""
        return sum(records for _, records in self._records())

    def _records(self) -> Iterator[tuple[TopicPartition, int]]:
        for partition in sorted(self._assigned()):
            end, committed = self._end(partition), self._committed.get(partition)
            if end is not None and committed is not None:
                yield partition, max(0, end - committed)

    def _family(self) -> GaugeMetricFamily:
        documentation = "Records in the worker's partitions that are not committed"
        return GaugeMetricFamily(f"{self._prefix}_lag_records", documentation, labels=["partition"])

    def _assigned(self) -> set[TopicPartition]:
        return set(self._consumer.assignment()) if self._consumer is not None else set()

    def _end(self, partition: TopicPartition) -> int | None:
        assert self._consumer is not None  # noqa: S101  it has partitions
        end: int | None = self._consumer.highwater(partition)
        return end
