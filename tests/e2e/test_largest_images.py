"""The largest images that the schema allows, on a Kafka whose broker has memory for them."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from tests.cluster.instance import Instance
from tests.crd import model_schema
from tests.e2e.claims import make_claim
from tests.e2e.kafka_clusters import MUTUAL_TLS, make_kafka
from tests.e2e.models import NAMESPACE, Model
from tests.e2e.sizes import Topics, check_largest_dead_letter, check_largest_picture, noise, publish

NAME = "largest"
EXTERNAL = {"name": "external", "port": 9094, "type": "nodeport", "tls": False}
IN_A_ROW = 6
PATIENCE_SECONDS = 300

pytestmark = pytest.mark.soak


@pytest.fixture
def model(cluster: Instance) -> Iterator[Model]:
    """Give a model that serves, whose images may be as large as any model's."""
    make_kafka(cluster, NAME, MUTUAL_TLS, EXTERNAL, super_users=("ANONYMOUS",), heap="3g")
    make_claim(cluster, f"{NAME}-versions", fill=partial(publish, model=NAME))
    model = Model(cluster, NAME)
    model.apply(
        {
            "training": {"dataset": {"sample": {}}},
            "storage": {"existingClaim": f"{NAME}-versions"},
            "kafka": {"strimzi": {"name": NAME}, "maxImageBytes": largest_bytes()},
        }
    )
    yield model
    model.delete()
    cluster.kubectl("delete", "kafkatopic", "-n", NAMESPACE, "-l", f"strimzi.io/cluster={NAME}")
    for kind in ("kafka", "kafkanodepool"):
        cluster.kubectl("delete", kind, "-n", NAMESPACE, "-l", f"catdog.dev/test={NAME}")


async def test_a_worker_bears_many_of_the_largest_images(
    cluster: Instance, model: Model, figures: list[str]
) -> None:
    model.await_ready(version=1)
    topics = Topics({"bootstrap_servers": outside_address(cluster)}, NAME)
    await topics.await_limits(largest_bytes())
    for _ in range(IN_A_ROW):
        await topics.send(noise(largest_bytes()))
    await check_largest_dead_letter(topics, largest_bytes(), PATIENCE_SECONDS)
    await check_largest_picture(topics, largest_bytes(), PATIENCE_SECONDS)
    (container,) = (each for pod in model.children("pods") for each in running_containers(pod))
    assert container["restartCount"] == 0
    figures.append(f"{IN_A_ROW + 2} images of {largest_bytes()} bytes: the worker was not started again")


def running_containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the containers of a pod that run, as its status tells of them."""
    return [each for each in pod["status"]["containerStatuses"] if "running" in each["state"]]


def largest_bytes() -> int:
    """Return the most that the schema lets a model ask for."""
    kafka = model_schema()["properties"]["spec"]["properties"]["kafka"]
    largest: int = kafka["properties"]["maxImageBytes"]["maximum"]
    return largest


def outside_address(cluster: Instance) -> str:
    """Return where the host reaches the Kafka."""
    listener = "{.status.listeners[?(@.name=='external')].bootstrapServers}"
    return cluster.kubectl("get", "kafka", NAME, "-n", NAMESPACE, "-o", f"jsonpath={listener}")
