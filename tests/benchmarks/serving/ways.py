"""The programs that are compared: each answers the records of a topic, in processes of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.serving.topics import MAX_MESSAGE_BYTES
from tests.benchmarks.trainer import MODEL
from tests.cluster.cache import REPOSITORY
from tests.cluster.operator_process import free_port

_END_SECONDS = 240
_PATH = os.pathsep.join(
    str(REPOSITORY / folder) for folder in ("inference_image", "trainer_image", "common", ".")
)

# As the worker's image has them (inference_image/Containerfile).
_OF_THE_IMAGE = {
    "MALLOC_MMAP_THRESHOLD_": "1048576",
    "OPENBLAS_NUM_THREADS": "1",
    "PROMETHEUS_DISABLE_CREATED_SERIES": "true",
}


@dataclass(frozen=True)
class Way:
    """A module that is told by the worker's environment what to do."""

    name: str
    module: str
    processes: int = 1
    python: Path = Path(sys.executable)
    environment: Mapping[str, str] | None = None  # in place of the worker's image's


WORKER = "catdog_inference"


def environment_of(servers: str, storage: Path, topics: tuple[str, str], group: str) -> dict[str, str]:
    """Return what the operator would tell a worker that reads the first topic and answers in the second."""
    images, answers = topics
    settings = {
        "MODEL_NAME": MODEL,
        "MODEL_NAMESPACE": "benchmark",
        "MODEL_VERSION": "1",
        "STORAGE_DIR": str(storage),
        "KAFKA_CLUSTER": servers,
        "KAFKA_BOOTSTRAP_SERVERS": servers,
        "KAFKA_CONSUMER_GROUP": group,
        "KAFKA_START_FROM": "earliest",
        "INPUT_TOPIC": images,
        "OUTPUT_TOPIC": answers,
        "DEAD_LETTER_TOPIC": answers,  # a dead letter would be no answer, and so be noticed
        "MAX_IMAGE_BYTES": str(MAX_MESSAGE_BYTES - 2**20),
        "MAX_BATCH_SIZE": "32",  # this and the next as the resource has them by default
        "MAX_BATCH_DELAY_MILLISECONDS": "10",
    }
    return {f"CATDOG_{name}": value for name, value in settings.items()}


@contextmanager
def running(way: Way, environment: Mapping[str, str], scratch: Path) -> Iterator[list[int]]:
    """Run a way's processes while the context lasts, which gets their numbers; their logs are in `scratch`.

    Raises:
        RuntimeError: one ended by itself; the message has the end of its log.
    """
    with ExitStack() as stack:
        processes = [stack.enter_context(_process(way, environment, scratch)) for _ in range(way.processes)]
        yield [process.pid for process in processes]


@contextmanager
def _process(way: Way, environment: Mapping[str, str], scratch: Path) -> Iterator[subprocess.Popen[bytes]]:
    port = free_port()
    log = scratch / f"{port}.log"
    own = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": _PATH,
        "PYTHONPYCACHEPREFIX": str(scratch / "compiled"),  # the image is compiled when it is built
        "CATDOG_HTTP_PORT": str(port),
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [way.python, "-m", way.module],
            env={**own, **environment, **(_OF_THE_IMAGE if way.environment is None else way.environment)},
            stdout=output,
            stderr=output,
        )
    try:
        yield process
        if process.poll() is not None:
            end = log.read_text(errors="replace").splitlines()[-20:]
            raise RuntimeError("\n".join([f"{way.name} ended with {process.returncode}:", *end]))
    finally:
        process.terminate()
        process.wait(_END_SECONDS)
