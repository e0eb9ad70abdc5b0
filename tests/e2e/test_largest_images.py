"""The largest images that the schema allows, on a Kafka whose broker has memory for them."""

from collections.abc import Iterator

import pytest

from tests.cluster.instance import Instance
from tests.crd import model_schema
from tests.e2e.claims import claim_with_versions, served_from
from tests.e2e.kafka_clusters import EXTERNAL, MUTUAL_TLS, external_address, make_kafka
from tests.e2e.models import NAMESPACE, Model
from tests.e2e.sizes import Topics, check_largest_dead_letter, check_largest_picture, noise

NAME = "largest"
IN_A_ROW = 6

pytestmark = pytest.mark.soak


@pytest.fixture
def model(cluster: Instance) -> Iterator[Model]:
    """Give a model that serves, whose images may be as large as any model's."""
    make_kafka(cluster, NAME, MUTUAL_TLS, EXTERNAL, super_users=("ANONYMOUS",), heap="3g")
    claim_with_versions(cluster, NAME, NAME)
    model = Model(cluster, NAME)
    model.apply(served_from(NAME, {"strimzi": {"name": NAME}, "maxImageBytes": largest_bytes()}))
    yield model
    model.delete()
    cluster.kubectl("delete", "kafkatopic", "-n", NAMESPACE, "-l", f"strimzi.io/cluster={NAME}")
    for kind in ("kafka", "kafkanodepool"):
        cluster.kubectl("delete", kind, "-n", NAMESPACE, "-l", f"catdog.dev/test={NAME}")


async def test_a_worker_bears_many_of_the_largest_images(
    cluster: Instance, model: Model, figures: list[str]
) -> None:
    model.await_ready(version=1)
    topics = Topics({"bootstrap_servers": external_address(cluster, NAME)}, NAME)
    await topics.await_limits(largest_bytes())
    for _ in range(IN_A_ROW):
        await topics.send(noise(largest_bytes()))
    await check_largest_dead_letter(topics, largest_bytes())
    await check_largest_picture(topics, largest_bytes())
    assert list(model.restarts().values()) == [0]
    figures.append(f"{IN_A_ROW + 2} images of {largest_bytes()} bytes: the worker was not started again")


def largest_bytes() -> int:
    """Return the most that the schema lets a model ask for."""
    kafka = model_schema()["properties"]["spec"]["properties"]["kafka"]
    largest: int = kafka["properties"]["maxImageBytes"]["maximum"]
    return largest
