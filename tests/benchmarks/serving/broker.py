"""A Kafka broker as a process on this machine: the release of the local cluster, and nothing around it."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from tests.cluster import kafka_image
from tests.cluster.cache import Cache, digest_of
from tests.cluster.commands import run
from tests.cluster.operator_process import free_port

_SOURCE = Path(kafka_image.__file__).parent
_CLUSTER_ID = "Y2F0ZG9nLWJlbmNobWFyaw"
_HEAP = ("-Xms512m", "-Xmx512m")
_START_SECONDS = 240
_END_SECONDS = 240

# As in the local cluster (tests/cluster/kafka.yaml): a group's first member starts at once.
_PROPERTIES = {
    "process.roles": "broker,controller",
    "node.id": "0",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,CLIENTS:PLAINTEXT",
    "inter.broker.listener.name": "CLIENTS",
    "auto.create.topics.enable": "false",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "log.cleaner.dedupe.buffer.size": "4194304",
}


@dataclass(frozen=True)
class Broker:
    """A broker that runs, without TLS."""

    pid: int
    servers: str


@contextmanager
def kafka_broker(cache: Cache, directory: Path) -> Iterator[Broker]:
    """Run a broker with its data in `directory`, and end it with the context.

    Raises:
        RuntimeError: it ended before it answered; the message has the end of its log.
    """
    java = _java(_jars(cache))
    port, properties, log = free_port(), directory / "server.properties", directory / "broker.log"
    properties.write_text(_properties(directory, port, free_port()))
    run(*java, "kafka.tools.StorageTool", "format", "--config", properties, f"--cluster-id={_CLUSTER_ID}")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*java[:1], *_HEAP, *java[1:], "kafka.Kafka", properties], stdout=output, stderr=output
        )
    try:
        _await_start(process, f"127.0.0.1:{port}", log)
        yield Broker(process.pid, f"127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(_END_SECONDS)


def _jars(cache: Cache) -> Path:
    pinned = [_SOURCE / name for name in ("pom.xml", "jars.sha256")]

    def fetch(directory: Path) -> None:
        kafka_image.fetch_jars(directory, cache.root / "maven")

    return cache.keep("kafka-broker", digest_of(pinned), "fetching Kafka from Maven", fetch)


def _java(jars: Path) -> tuple[str, ...]:
    logging = f"-Dlog4j2.configurationFile={_SOURCE / 'log4j2.properties'}"
    return ("java", logging, "-cp", f"{jars}/*")


def _properties(directory: Path, port: int, controller_port: int) -> str:
    own = {
        "log.dirs": str(directory / "data"),
        "listeners": f"CLIENTS://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"CLIENTS://127.0.0.1:{port}",
        "controller.quorum.voters": f"0@127.0.0.1:{controller_port}",
    }
    return "".join(f"{key}={value}\n" for key, value in (_PROPERTIES | own).items())


def _await_start(process: subprocess.Popen[bytes], servers: str, log: Path) -> None:
    admin = AdminClient({"bootstrap.servers": servers, "log_level": 0})
    for _ in range(_START_SECONDS):
        try:
            admin.list_topics(timeout=1)
        except KafkaException as error:
            if process.poll() is not None:
                end = log.read_text(errors="replace").splitlines()[-30:]
                raise RuntimeError("\n".join(["the broker ended:", *end])) from error
        else:
            return
    raise TimeoutError(f"the broker did not answer within {_START_SECONDS} s")
