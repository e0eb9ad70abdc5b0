"""What Prometheus is told of the operator."""

import re
import socket
from typing import Any, cast

import aiohttp
import pytest
from kubernetes.aio.client import ApiException
from kubernetes.aio.dynamic import DynamicClient

from catdog_operator.api import Api, RefusedError, UnavailableError
from catdog_operator.delay_queue import DelayQueue
from catdog_operator.kinds import MODEL, POD
from catdog_operator.metrics import Metrics, serve_metrics
from catdog_operator.reconcile import Reconciler
from catdog_operator.states import count_phases, see_conditions
from catdog_operator.store import Key
from tests.unit.operator.world import JOB as JOB_NAME
from tests.unit.operator.world import PETS, World

DATA_FAILURE = '{"reason": "DataNotFound", "message": "there are no photos"}'


class FakeClient:
    """Answers every request with the status it is given; 0 is no answer."""

    def __init__(self, status: int) -> None:
        self.status = status
        self.headers: dict[str, str] = {}

    async def request(self, *_: object, **__: object) -> "FakeClient":
        if self.status == 0:
            raise aiohttp.ClientConnectionError
        if self.status >= 400:
            raise ApiException(status=self.status, reason="no")
        return self

    async def read(self) -> bytes:
        return b'{"items": []}'


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"catdog_operator_{name}", labels)


def some_world() -> World:
    world = World()
    world.api.put_model()
    world.api.tell(world.store)
    return world


async def try_once(world: World, metrics: Metrics) -> None:
    await Reconciler(world.cluster, DelayQueue[Key](), metrics)._try(PETS)  # noqa: SLF001 - without its queue


async def test_a_reconcile_is_counted_by_its_outcome_and_timed() -> None:
    world, metrics = some_world(), Metrics()
    world.api.refusals["Job"] = "exceeded quota"
    await try_once(world, metrics)
    world.api.refusals.clear()
    await try_once(world, metrics)
    world.api.put_model(inference={"replicas": 2})  # something to report
    world.api.tell(world.store)
    world.api.away = True
    await try_once(world, metrics)
    odd = {"name": "pets", "namespace": "kafka", "uid": "2", "resourceVersion": "99999"}
    world.store.put(MODEL, {"metadata": odd, "spec": "no spec at all"})
    await try_once(world, metrics)
    for outcome in ("settled", "refused", "unavailable", "failed"):
        assert value(metrics, "reconciles_total", outcome=outcome) == 1, outcome
    assert value(metrics, "reconcile_seconds_count") == 4


async def test_a_training_that_fails_is_counted_once_however_often_it_is_reported() -> None:
    metrics = Metrics()
    world = World(metrics)
    world.api.put_model()
    await world.reconcile()
    world.end_training(JOB_NAME, 65, DATA_FAILURE)
    for _ in range(3):
        await world.reconcile()
    world.api.put_model(inference={"replicas": 2})  # another reason to report
    await world.reconcile()
    assert value(metrics, "training_failures_total", reason="DataNotFound") == 1


async def test_models_are_counted_by_phase() -> None:
    metrics, world = Metrics(), World()
    metrics.show_models(lambda: count_phases(world.store))
    world.api.put_model()
    world.api.tell(world.store)
    assert value(metrics, "models", phase="Pending") == 1
    await world.reconcile()
    assert value(metrics, "models", phase="Pending") is None
    assert value(metrics, "models", phase="Training") == 1


async def test_each_condition_of_a_model_is_shown_as_it_was_last_reported() -> None:
    metrics, world = Metrics(), World()
    metrics.show_conditions(lambda: see_conditions(world.store))
    world.api.put_model()
    world.api.tell(world.store)
    assert shown_conditions(metrics) == []  # nothing is reported yet
    await world.reconcile()
    assert shown_conditions(metrics) == told_conditions(world)
    world.end_training(JOB_NAME, 65, DATA_FAILURE)
    await world.reconcile()
    assert shown_conditions(metrics) == told_conditions(world)
    assert ("kafka", "pets", "Trained", "False", "DataNotFound") in shown_conditions(metrics)


def told_conditions(world: World) -> list[tuple[str, ...]]:
    conditions = world.status()["conditions"]
    assert len(conditions) == 6
    return sorted((*PETS, each["type"], each["status"], each["reason"]) for each in conditions)


def shown_conditions(metrics: Metrics) -> list[tuple[str, ...]]:
    [family] = [each for each in metrics.registry.collect() if each.name.endswith("model_condition")]
    names = ("model_namespace", "model", "type", "status", "reason")
    assert all(sample.value == 1 for sample in family.samples)
    return sorted(tuple(sample.labels[name] for name in names) for sample in family.samples)


async def test_the_queue_is_as_long_as_there_are_models_that_are_due() -> None:
    metrics, queue = Metrics(), DelayQueue[Key]()
    metrics.show_queue(queue.overdue)
    await queue.put(PETS)
    await queue.put(Key("kafka", "house-pets"))
    await queue.put(Key("kafka", "later"), delay=60)
    assert value(metrics, "queue_length") == 2
    async with queue.take():
        assert value(metrics, "queue_length") == 1


@pytest.mark.parametrize(
    ("status", "error"), [(200, None), (403, RefusedError), (503, UnavailableError), (0, UnavailableError)]
)
async def test_a_request_is_counted_by_method_and_code(status: int, error: type[Exception] | None) -> None:
    metrics = Metrics()
    api = Api(cast("DynamicClient", FakeClient(status)), note_request=metrics.note_request)
    if error is None:
        await api.read_log(POD, *PETS, "worker", 1)
    else:
        with pytest.raises(error):
            await api.read_log(POD, *PETS, "worker", 1)
    assert value(metrics, "api_requests_total", method="GET", code=str(status)) == 1


async def test_the_page_shows_it_all_by_names_that_prometheus_knows() -> None:
    metrics = Metrics()
    metrics.show_queue(lambda: 3)
    metrics.show_models(lambda: {"Serving": 2})
    await try_once(some_world(), metrics)
    page = await fetch(metrics)
    assert "catdog_operator_queue_length 3.0" in page
    assert 'catdog_operator_models{phase="Serving"} 2.0' in page
    assert 'catdog_operator_reconciles_total{outcome="settled"} 1.0' in page
    assert "process_resident_memory_bytes" in page
    for name, kind in re.findall(r"^# TYPE (catdog_\S+) (\S+)$", page, re.MULTILINE):
        suffix = {"counter": "_total", "histogram": "_seconds"}.get(kind, "")
        assert name.endswith((suffix, "_created")), name


async def fetch(metrics: Metrics) -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: Any = free.getsockname()[1]
    async with (
        serve_metrics(metrics, port),
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/metrics") as answer,
    ):
        assert answer.status == 200
        return await answer.text()
