"""Workers that an autoscaler asks for, as the how-to has it, and what can be seen of them.

The model's input topic has a single partition at first. Each test goes on from the one before.
"""

import asyncio
import json
import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

import aiohttp
import pytest
import yaml
from aiokafka import TopicPartition
from prometheus_client.parser import text_string_to_metric_families

from tests.alerts import read_pod_monitors, read_rules
from tests.cluster.cache import REPOSITORY
from tests.cluster.instance import Instance
from tests.e2e.claims import claim_with_versions
from tests.e2e.kafka import first_record, produce
from tests.e2e.kafka_clients import administering, consuming
from tests.e2e.models import NAMESPACE, Model, condition
from tests.e2e.processes import process_in_pod
from tests.e2e.strimzi import Client, eventually
from tests.howto import run_section
from tests.promql import selected_names
from tests.reference import documented_metrics, shown_metrics
from tests.tiny_version import picture

HOWTO = REPOSITORY / "docs" / "how-to" / "autoscaling.md"
SAMPLE = REPOSITORY / "manifests" / "samples" / "catdogmodel.yaml"
NAME, GROUP, IMAGES = "pets", "catdog.kafka.pets", "pets-images"
RECORDS = [picture("red")] * 3 + [picture("blue")] * 2 + [b"no image"]
SERVES = "version 1 serves with all {} replicas ready"
IDLE = (
    f"{SERVES.format(2)}, but 1 stays idle, as KafkaTopic pets-images has 1 partition; "
    "lower spec.inference.replicas to 1, or raise spec.kafka.topics.input.partitions to 2"
)


@pytest.fixture(scope="module")
def pets(cluster: Instance) -> Iterator[Model]:
    """Give the model of the sample, which serves a version that lies on its claim."""
    model = Model(cluster, NAME)
    _take_away(model)
    claim_with_versions(cluster, f"{NAME}-models", NAME)
    spec = yaml.safe_load(SAMPLE.read_text())["spec"]
    spec["kafka"]["topics"] = {"input": {"partitions": 1}, "whenDeleted": "Delete"}
    model.apply(spec)
    model.await_ready(version=1)
    yield model
    _take_away(model)


async def test_what_came_of_records_shows_in_a_workers_metrics(cluster: Instance, pets: Model) -> None:
    for value in RECORDS:
        await produce(cluster, IMAGES, value)
    [worker] = await asyncio.to_thread(pets.workers)
    expected = {
        ("catdog_answers_total", "cat"): 3,
        ("catdog_answers_total", "dog"): 2,
        ("catdog_confidence_count", "cat"): 3,
        ("catdog_dead_letters_total", "NotAnImage"): 1,
        ("catdog_latency_seconds_count", ""): len(RECORDS),
        ("catdog_lag_records", "0"): 0,
        ("catdog_in_flight_records", ""): 0,
        ("catdog_in_flight_bytes", ""): 0,
        ("catdog_model_version", NAME): 1,
    }

    async def holds() -> bool:
        return expected.items() <= samples(await page_of(worker)).items()

    await eventually(holds, "the page says so")
    page = await page_of(worker)
    assert shown_metrics(page).keys() == documented_metrics("Workers").keys()
    found = samples(page)
    assert {value for (name, _), value in found.items() if name.endswith("_failures_total")} == {0}
    assert 0 < found["catdog_kafka_certificate_days_left", "user.crt"] < 366
    assert 0 < found["catdog_latency_seconds_sum", ""] < 60 * len(RECORDS)


@pytest.mark.usefixtures("pets")
async def test_where_prometheus_is_told_to_look_it_finds_what_alerts_ask_for(cluster: Instance) -> None:
    found = dict[str, list[str]]()

    async def all_answer() -> bool:
        found.update(await monitored_pods(cluster))
        return True

    await eventually(all_answer, "every pod that is there shows its metrics")  # one may just have ended
    assert found["catdog-workers"]
    shown = set[str]()
    for page in (page for pages in found.values() for page in pages):
        shown |= {sample.name for family in text_string_to_metric_families(page) for sample in family.samples}
    recorded = {rule["record"] for rule in read_rules() if "record" in rule}
    asked = {name for rule in read_rules() for name in selected_names(rule["expr"])} - recorded - {"up"}
    assert {name for name in asked - shown if not name.startswith("catdog_training_")} == set()
    of_pets = 'catdog_operator_model_condition{model="pets",model_namespace="kafka",reason="Serving"'
    assert f'{of_pets},status="True",type="Ready"}} 1.0' in found["catdog-operator"][0]


@pytest.mark.usefixtures("pets")
@pytest.mark.parametrize("runbook", sorted(REPOSITORY.glob("docs/runbooks/*.md")), ids=lambda path: path.stem)
def test_what_a_runbook_says_to_look_at_is_there(cluster: Instance, runbook: Path) -> None:
    assert run_section(runbook, "Look at", REPOSITORY, cluster.environment())


async def test_who_has_the_workers_certificate_may_ask_how_far_they_are(
    cluster: Instance, pets: Model, tmp_path: Path
) -> None:
    user = pets.children("kafkausers")[0]["metadata"]["name"]
    settings = (await Client.of_user(cluster.kubeconfig, user, tmp_path)).settings()
    async with administering(**settings) as admin:
        committed = await admin.list_consumer_group_offsets(GROUP)
    partition = TopicPartition(IMAGES, 0)
    async with consuming(**settings) as consumer:
        end = await consumer.end_offsets([partition])
    assert committed[partition].offset == end[partition] == len(RECORDS)


@pytest.mark.usefixtures("pets")
def test_an_autoscaler_finds_the_model_and_its_workers(cluster: Instance) -> None:
    follow(cluster, "By processor time, with a HorizontalPodAutoscaler")
    [found] = [each for each in autoscaler(cluster)["status"]["conditions"] if each["type"] == "AbleToScale"]
    assert found["reason"] == "SucceededGetScale"


def test_as_many_workers_run_as_it_asks_for_and_one_that_has_no_partition_is_told(
    cluster: Instance, pets: Model
) -> None:
    cluster.kubectl(
        "patch", "hpa", NAME, "-n", NAMESPACE, "--type=merge", '--patch={"spec":{"minReplicas":2}}'
    )
    status = pets.await_condition("Serving", ("True", "MoreReplicasThanPartitions", IDLE))
    assert condition(status, "Ready")[0] == "True"
    assert status["phase"] == "Serving"
    assert [pod["status"]["phase"] for pod in pets.workers()] == ["Running"] * 2


def test_with_more_partitions_there_is_nothing_to_tell(cluster: Instance, pets: Model) -> None:
    follow(cluster, "How many can be of use")
    pets.await_condition("Serving", ("True", "Serving", SERVES.format(2)))
    assert autoscaler(cluster)["status"]["desiredReplicas"] == 2


def test_without_it_the_model_is_scaled_by_hand(cluster: Instance, pets: Model) -> None:
    follow(cluster, "Scale by hand again")
    pets.await_condition("Ready", ("True", "Serving", "version 1 serves with its one replica ready"))


@pytest.mark.soak
async def test_a_worker_that_is_stuck_is_restarted_and_loses_nothing(
    cluster: Instance, pets: Model, figures: list[str]
) -> None:
    [worker] = await asyncio.to_thread(pets.workers)
    uid, begun = worker["metadata"]["uid"], monotonic()
    os.kill(process_in_pod(uid, "python3"), signal.SIGSTOP)  # the container's end is its end too
    await produce(cluster, IMAGES, picture("red"), key=b"stuck")

    async def restarted() -> bool:
        return (await asyncio.to_thread(pets.restarts)).get(uid) == 1

    await eventually(restarted, "the kubelet restarts it")
    figures.append(f"a worker that is stuck is restarted after {monotonic() - begun:.0f} s")
    await first_record(cluster, f"{NAME}-predictions", lambda record: bool(record.key == b"stuck"))


def follow(cluster: Instance, section: str) -> None:
    """Do what the how-to says under a heading, at the top of the checkout."""
    run_section(HOWTO, section, REPOSITORY, cluster.environment())


def autoscaler(cluster: Instance) -> dict[str, Any]:
    """Return the HorizontalPodAutoscaler as it is now."""
    found: dict[str, Any] = yaml.safe_load(cluster.kubectl("get", "hpa", NAME, "-n", NAMESPACE, "-o", "yaml"))
    return found


async def page_of(pod: dict[str, Any], port: str = "http") -> str:
    """Return the page of a pod's metrics, at the port of that name."""
    [container] = pod["spec"]["containers"]
    [number] = [each["containerPort"] for each in container["ports"] if each["name"] == port]
    address = f"http://{pod['status']['podIP']}:{number}/metrics"
    async with aiohttp.ClientSession() as session, session.get(address) as page:
        return await page.text()


async def monitored_pods(cluster: Instance) -> dict[str, list[str]]:
    """Return the pages of the pods that each PodMonitor selects, at the port that it names."""
    pages = {}
    for name, monitor in read_pod_monitors().items():
        selector = ",".join("=".join(each) for each in monitor["spec"]["selector"]["matchLabels"].items())
        pods = cluster.kubectl("get", "pods", "--all-namespaces", "-l", selector, "-o", "json")
        running = [pod for pod in json.loads(pods)["items"] if pod["status"]["phase"] == "Running"]
        [endpoint] = monitor["spec"]["podMetricsEndpoints"]
        pages[name] = [await page_of(pod, endpoint["port"]) for pod in running]
    return pages


def samples(page: str) -> dict[tuple[str, str], float]:
    """Return the samples of our own metrics but for buckets, by name and the value of their label."""
    return {
        (sample.name, "".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name.startswith("catdog_") and "le" not in sample.labels
    }


def _take_away(model: Model) -> None:
    """Remove the model and all that it leaves."""
    model.cluster.kubectl("delete", "hpa", model.name, "-n", model.namespace, "--ignore-not-found")
    model.delete()
    delete = partial(model.cluster.kubectl, "delete", "-n", model.namespace, "--ignore-not-found")
    delete("kafkatopic", "-l", f"catdog.dev/model={model.name}")
    delete("pvc", f"{model.name}-models", "--timeout=240s")
