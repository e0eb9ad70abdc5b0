"""A model that answers at a real broker, and the console that shows it, each as processes of this machine."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catdog_common.artifact import MANIFEST_FILE, file_digest, read_metadata, version_dir
from tests.benchmarks.serving.broker import kafka_broker
from tests.benchmarks.serving.topics import MAX_MESSAGE_BYTES, Topics
from tests.benchmarks.serving.version import trained
from tests.benchmarks.serving.ways import WORKER, Way, environment_of, running
from tests.benchmarks.trainer import MODEL
from tests.cluster.cache import REPOSITORY, Cache
from tests.cluster.operator_process import free_port
from tests.cluster.waiting import await_answer

IMAGES, ANSWERS, LETTERS = "pets-images", "pets-predictions", "pets-dead-letters"
NAMESPACE = "benchmark"

_ARCHITECTURE = "efficientnet-lite2"  # as the resource has it by default
_CODE = os.pathsep.join(str(REPOSITORY / each) for each in ("common", "client", "console", "."))
_END_SECONDS = 20


@dataclass(frozen=True)
class Scene:
    """What is measured."""

    url: str  # of the console
    console: int  # its process
    topics: Topics

    @property
    def model_url(self) -> str:
        """The address of the model's page."""
        return f"{self.url}/models/{NAMESPACE}/{MODEL}"


@contextmanager
def scene(cache: Cache, scratch: Path) -> Iterator[Scene]:
    """Run broker, worker and console, as long as the context lasts."""
    storage = trained(cache, _ARCHITECTURE)
    with kafka_broker(cache, scratch) as broker:
        topics = Topics(broker.servers)
        topics.create(IMAGES, ANSWERS, LETTERS)
        port = free_port()
        told = environment_of(broker.servers, storage, (IMAGES, ANSWERS), "benchmark")
        told |= {"CATDOG_HTTP_PORT": str(port), "CATDOG_DEAD_LETTER_TOPIC": LETTERS}
        with running(Way("worker", WORKER), told, scratch):
            worker = f"http://127.0.0.1:{port}"
            await_answer(f"{worker}/readyz", 120)
            resource = scratch / "resource.json"
            resource.write_text(json.dumps(_resource(storage, broker.servers)))
            with _console(resource, worker, broker.servers) as (process, url):
                yield Scene(url, process, topics)


@contextmanager
def _console(resource: Path, worker: str, servers: str) -> Iterator[tuple[int, str]]:
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": _CODE,
        "MALLOC_MMAP_THRESHOLD_": "1048576",  # this and the next as the image has them
        "OPENBLAS_NUM_THREADS": "1",
        "CATDOG_NAMESPACES": NAMESPACE,
        "CATDOG_PORT": str(port),
        "CATDOG_KAFKA_BOOTSTRAP_SERVERS": servers,
    }
    command = (sys.executable, "-m", "tests.benchmarks.console.process", str(resource), worker)
    with subprocess.Popen(command, env=environment) as process:
        try:
            await_answer(f"http://localhost:{port}/healthz", 60)
            yield process.pid, f"http://localhost:{port}"
        finally:
            process.terminate()
            process.wait(_END_SECONDS)


def _resource(storage: Path, servers: str) -> dict[str, Any]:
    """Return the model as an operator would have described it."""
    directory = version_dir(storage, MODEL, 1)
    metadata = read_metadata(directory)
    version = {
        "version": 1,
        "hash": metadata.hash,
        "accuracy": metadata.metrics.accuracy,
        "verdict": "Passed",
        "photos": metadata.metrics.photos,
        "digest": file_digest(directory / MANIFEST_FILE),
        "trainedAt": metadata.trained_at,
    }
    return {
        "metadata": {"name": MODEL, "namespace": NAMESPACE, "generation": 1},
        "spec": {"inference": {"replicas": 1}, "kafka": {"maxImageBytes": MAX_MESSAGE_BYTES - 2**20}},
        "status": {
            "observedGeneration": 1,
            "phase": "Serving",
            "inference": {"servedVersion": 1, "replicas": 1, "readyReplicas": 1},
            "versions": [version],
            "kafka": {
                "inputTopic": IMAGES,
                "outputTopic": ANSWERS,
                "deadLetterTopic": LETTERS,
                "bootstrapServers": servers,
            },
        },
    }
