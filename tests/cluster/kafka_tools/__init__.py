"""Kafka's own tools for the command line: the jars of a released Kafka, pinned by digest."""

from pathlib import Path

from tests.cluster.cache import Cache, digest_of
from tests.cluster.kafka_image import fetch_jars

_SOURCE = Path(__file__).parent


def fetch_kafka_tools(cache: Cache) -> Path:
    """Return the directory of the jars; what is missing comes from Maven.

    Raises:
        JarMismatchError: a jar is missing, another, or one too many.
        DownloadError: Maven failed; the message is what it said.
    """

    def make(directory: Path) -> None:
        fetch_jars(directory, cache.root / "maven", _SOURCE)

    pinned = [_SOURCE / name for name in ("pom.xml", "jars.sha256")]
    return cache.keep("kafka-tools", digest_of(pinned), "fetching Kafka's tools from Maven", make)
