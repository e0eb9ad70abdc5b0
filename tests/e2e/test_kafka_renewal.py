"""Certificates and passwords that change under load: no pod is restarted, and no picture lost."""

import asyncio
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.cluster.instance import Instance
from tests.cluster.strimzi.kube import Kube, Manifest, connect, read_kubeconfig
from tests.cluster.strimzi.objects import secret_data
from tests.e2e.claims import claim_with_versions, served_from
from tests.e2e.kafka_clusters import EXTERNAL, MUTUAL_TLS, PERSISTENT, external_address, make_kafka
from tests.e2e.load import answers_to, steady_load
from tests.e2e.models import NAMESPACE, Model
from tests.e2e.strimzi import eventually

KAFKA = "renewal"
BY_TLS, BY_PASSWORD = "renewal-tls", "renewal-scram"
IMAGES = f"{BY_TLS}-images"
DAYS = "catdog_kafka_certificate_days_left"
LISTENERS = (
    EXTERNAL,
    MUTUAL_TLS,
    MUTUAL_TLS | {"name": "scram", "port": 9095, "authentication": {"type": "scram-sha-512"}},
)


@pytest.fixture(scope="module")
def models(cluster: Instance) -> Iterator[tuple[Model, Model]]:
    """Give a model whose workers have a certificate, and one whose workers have a password."""
    claim_with_versions(cluster, KAFKA, BY_TLS, BY_PASSWORD)
    make_kafka(cluster, KAFKA, *LISTENERS, super_users=("ANONYMOUS",), storage=PERSISTENT)
    by_tls, by_password = Model(cluster, BY_TLS), Model(cluster, BY_PASSWORD)
    by_tls.apply(served_from(KAFKA, {"strimzi": {"name": KAFKA}}))
    by_tls.await_ready(version=1)
    topics = {"input": {"name": IMAGES}}
    by_password.apply(served_from(KAFKA, {"strimzi": {"name": KAFKA, "listener": "scram"}, "topics": topics}))
    by_password.await_ready(version=1)
    yield by_tls, by_password
    for model in (by_tls, by_password):
        model.delete()
    for kind in ("kafkatopic", "kafkauser"):
        cluster.kubectl("delete", kind, "-n", NAMESPACE, "-l", f"strimzi.io/cluster={KAFKA}")
    for kind in ("kafka", "kafkanodepool"):
        cluster.kubectl("delete", kind, "-n", NAMESPACE, "-l", f"catdog.dev/test={KAFKA}")
    cluster.kubectl("delete", "pvc", KAFKA, f"data-{KAFKA}-{KAFKA}-pool-0", "-n", NAMESPACE)


@pytest.fixture
async def kube(cluster: Instance) -> AsyncIterator[Kube]:
    """Give the cluster's API."""
    async with connect(read_kubeconfig(cluster.kubeconfig)) as connection:
        yield connection


async def test_another_certificate_and_another_password_are_used_from_the_next_connection_on(
    kube: Kube, models: tuple[Model, Model], figures: list[str]
) -> None:
    by_tls, by_password = models
    async with nothing_lost(models, figures, "certificate and password"):
        assert 364 <= await days_left(by_tls, "user.crt") <= 365
        await renew_user(kube, by_tls, days=200)
        await eventually(has_days(by_tls, "user.crt", 200), "the worker has the new certificate")
        assert 364 <= await days_left(by_tls, "ca.crt") <= 365

        former = await password_of(kube, by_password)
        await kube.delete("Secret", NAMESPACE, f"{BY_PASSWORD}-catdog")
        await eventually(has_another_password(kube, by_password, former), "another password")
        await eventually(has_logged(by_password, "the password changed"), "the worker uses it")

        await restart_broker(kube)  # now all have to come in anew


@pytest.mark.soak
async def test_other_authorities_are_trusted_beside_the_former_ones_and_then_alone(
    kube: Kube, models: tuple[Model, Model], figures: list[str]
) -> None:
    by_tls, _ = models
    async with nothing_lost(models, figures, "both authorities"):
        broker = await uid_of_broker(kube)
        await annotate(kube, f"{KAFKA}-clients-ca", "strimzi.io/force-replace")
        await eventually(has_other_broker(kube, broker), "the broker trusts both")
        await renew_user(kube, by_tls, days=100)
        await eventually(has_days(by_tls, "user.crt", 100), "the worker's is of the new one")
        broker = await uid_of_broker(kube)
        await forget_former(kube, f"{KAFKA}-clients-ca-cert")
        await eventually(has_other_broker(kube, broker), "the broker trusts the new one alone")

        await annotate(kube, f"{KAFKA}-cluster-ca", "strimzi.io/force-replace")
        name = f"{KAFKA}-cluster-ca-cert"
        await eventually(has_authorities(kube, name, 2), "both are to be trusted")
        await eventually(has_authorities(kube, name, 1), "the broker shows the new one's")
        await annotate(kube, name, "strimzi.io/force-renew")
        await eventually(is_not_annotated(kube, name, "strimzi.io/force-renew"), "renewed by the same key")
        await restart_broker(kube)


@asynccontextmanager
async def nothing_lost(models: tuple[Model, Model], figures: list[str], what: str) -> AsyncIterator[None]:
    """Send pictures meanwhile; at the end both models have answered each, by the pods that they had."""
    servers = await asyncio.to_thread(external_address, models[0].cluster, KAFKA)
    before = [model.restarts() for model in models]
    async with steady_load(servers, IMAGES) as load:
        yield
        await load.await_more(50)  # which is answered by whoever came in anew
    for model in models:
        answered = await answers_to(load, servers, f"{model.name}-predictions")
        assert answered.keys() == set(load.sent)
        again = answered.total() - len(answered)
        figures.append(f"renewal of {what}: {model.name} answered all {len(load.sent)}, {again} again")
    assert [model.restarts() for model in models] == before


async def renew_user(kube: Kube, model: Model, days: int) -> None:
    """Have the model's certificate made anew, good for so many days."""
    kafka = await kube.get("Kafka", NAMESPACE, KAFKA)
    assert kafka is not None
    await kube.merge(kafka, {"spec": {"clientsCa": {"validityDays": days}}})
    await annotate(kube, f"{model.name}-catdog", "strimzi.io/force-renew")


async def annotate(kube: Kube, secret: str, annotation: str) -> None:
    found = await secret_of(kube, secret)
    await kube.merge(found, {"metadata": {"annotations": {annotation: "true"}}})


async def forget_former(kube: Kube, secret: str) -> None:
    """Take the certificates of former authorities out of a Secret."""
    found = await secret_of(kube, secret)
    former = [name for name in found["data"] if name.startswith("ca-")]
    assert former
    await kube.merge(found, {"data": dict.fromkeys(former)})


async def secret_of(kube: Kube, name: str) -> Manifest:
    found = await kube.get("Secret", NAMESPACE, name)
    assert found is not None, f"there is no Secret {name}"
    return found


async def password_of(kube: Kube, model: Model) -> bytes:
    return secret_data(await kube.get("Secret", NAMESPACE, f"{model.name}-catdog")).get("password", b"")


async def days_left(model: Model, certificate: str) -> float:
    """Return what the model's worker says in its metrics."""
    [pod] = await asyncio.to_thread(model.workers)
    address = f"http://{pod['status']['podIP']}:8080/metrics"

    def read() -> str:
        with urllib.request.urlopen(address, timeout=60) as answer:
            return str(answer.read().decode())

    lines = (await asyncio.to_thread(read)).splitlines()
    return float(
        next(line.split()[-1] for line in lines if line.startswith(f'{DAYS}{{certificate="{certificate}"'))
    )


Check = Callable[[], Awaitable[bool]]


def has_days(model: Model, certificate: str, days: int) -> Check:
    async def holds() -> bool:
        return days - 1 <= await days_left(model, certificate) <= days

    return holds


def has_another_password(kube: Kube, model: Model, former: bytes) -> Check:
    async def holds() -> bool:
        return await password_of(kube, model) not in (b"", former)

    return holds


def has_logged(model: Model, words: str) -> Check:
    async def holds() -> bool:
        [pod] = await asyncio.to_thread(model.workers)
        return words in await asyncio.to_thread(
            model.cluster.kubectl, "logs", pod["metadata"]["name"], "-n", NAMESPACE
        )

    return holds


def has_authorities(kube: Kube, secret: str, count: int) -> Check:
    async def holds() -> bool:
        data: dict[str, str] = (await secret_of(kube, secret))["data"]
        return sum(name.endswith(".crt") for name in data) == count

    return holds


def is_not_annotated(kube: Kube, secret: str, annotation: str) -> Check:
    async def holds() -> bool:
        return annotation not in (await secret_of(kube, secret))["metadata"]["annotations"]

    return holds


async def broker_of(kube: Kube) -> Manifest | None:
    pods = await kube.list("Pod", NAMESPACE, f"strimzi.io/cluster={KAFKA},strimzi.io/broker-role=true")
    return pods[0] if pods else None


async def uid_of_broker(kube: Kube) -> str:
    broker = await broker_of(kube)
    assert broker is not None
    return str(broker["metadata"]["uid"])


def has_other_broker(kube: Kube, former: str) -> Check:
    async def holds() -> bool:
        broker = await broker_of(kube)
        if broker is None or broker["metadata"]["uid"] == former:
            return False
        conditions: list[dict[str, Any]] = broker["status"].get("conditions", [])
        return any((each["type"], each["status"]) == ("Ready", "True") for each in conditions)

    return holds


async def restart_broker(kube: Kube) -> None:
    former = await broker_of(kube)
    assert former is not None
    await kube.delete("Pod", NAMESPACE, former["metadata"]["name"])
    await eventually(has_other_broker(kube, former["metadata"]["uid"]), "the broker is back")
