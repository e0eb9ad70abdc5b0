"""The watch of the models, on an API server of canned answers."""

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote

import pytest

from catdog_client.cluster.api import Refusal
from catdog_client.cluster.kubeconfig import Where
from catdog_client.cluster.models import Models, connect
from catdog_client.errors import ClientError
from catdog_console.cluster import Cluster, watching
from catdog_console.workers import find_workers, list_workers
from tests.unit.client.api_server import ApiServer, running
from tests.unit.client.builders import PROGRESS
from tests.unit.client.person import MODELS
from tests.unit.console.builders import PETS, pets

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)


async def until(cluster: Cluster, holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        number = cluster.changes.number
        while not holds():
            number = await cluster.changes.after(number)


class Scripted(Models):
    """Models that are told as they are scripted; then nothing more comes."""

    def __init__(self, *steps: dict[str, dict[str, object]] | Exception) -> None:
        self.steps = list(steps)

    def follow_all(self) -> Iterator[dict[str, dict[str, object]]]:
        while self.steps:
            step = self.steps.pop(0)
            if isinstance(step, Exception):
                raise step
            yield step


async def test_models_come_change_and_go() -> None:
    cluster = Cluster(["kafka"])
    models = Scripted({}, {"pets": pets()}, {"pets": pets(phase="Training", progress=PROGRESS)})
    with watching(cluster, lambda _: models):
        await until(cluster, lambda: "kafka" in cluster.heard)
        await until(
            cluster, lambda: PETS in cluster.models and cluster.models[PETS].model.status.phase == "Training"
        )
        models.steps.append({})
        await until(cluster, lambda: not cluster.models)


async def test_an_outage_keeps_what_was_known_and_says_since_when() -> None:
    cluster = Cluster(["kafka"])
    models = Scripted({"pets": pets()}, ClientError("no API server answers"))
    with watching(cluster, lambda _: models):
        await until(cluster, lambda: bool(cluster.outages))
        assert PETS in cluster.models
        assert cluster.outages["kafka"].message == "no API server answers"
        models.steps.append({"pets": pets()})
        await until(cluster, lambda: not cluster.outages)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (Refusal(403, "no; ask for that right", "no"), "no; whoever runs the console sees that the Role"),
        (Refusal(500, "etcd is away"), "etcd is away"),
        (ValueError("what no API server says"), "the console is at fault, and says in its log how"),
    ],
)
async def test_whatever_ends_a_watch_is_said_and_it_goes_on(error: Exception, says: str) -> None:
    cluster = Cluster(["kafka"])
    models = Scripted(error)
    with watching(cluster, lambda _: models):
        await until(cluster, lambda: bool(cluster.outages))
        assert cluster.outages["kafka"].message.startswith(says)
        models.steps.append({"pets": pets()})
        await until(cluster, lambda: PETS in cluster.models)


async def test_who_may_not_look_for_workers_is_told_whose_right_it_is(
    models: tuple[ApiServer, Models],
) -> None:
    server, found = models
    server.answers["GET /api/v1/namespaces/kafka/pods"] = (403, {"message": "pods is forbidden"})
    with pytest.raises(ClientError, match=r"^pods is forbidden; whoever runs the console"):
        await find_workers(lambda _: found, PETS)


def test_an_outage_that_lasts_keeps_its_beginning_and_wakes_nobody() -> None:
    cluster = Cluster(["kafka"])
    cluster.note_outage("kafka", "away", NOW)
    number = cluster.changes.number
    cluster.note_outage("kafka", "away", NOW + timedelta(minutes=1))
    assert cluster.outages["kafka"].since == NOW
    assert cluster.changes.number == number
    cluster.note("kafka", {})
    assert cluster.outages == {}


def test_the_namespaces_know_nothing_of_one_another() -> None:
    cluster = Cluster(["kafka", "other"])
    cluster.note("kafka", {"pets": pets()})
    cluster.note("other", {"pets": pets()})
    cluster.note("other", {})
    assert list(cluster.models) == [PETS]


def test_the_epochs_of_a_training_are_kept_when_it_is_over() -> None:
    cluster = Cluster(["kafka"])
    for epoch in (1, 2):
        progress = {**PROGRESS, "epoch": epoch, "valLoss": 0.5}
        cluster.note("kafka", {"pets": pets(progress=progress)})
    cluster.note("kafka", {"pets": pets()})
    assert [each.number for each in cluster.models[PETS].epochs.seen] == [1, 2]


def test_a_model_that_cannot_be_read_hides_no_other() -> None:
    cluster = Cluster(["kafka"])
    odd = {**pets(), "status": {"versions": "of another release"}}
    cluster.note("kafka", {"odd": odd, "pets": pets()})
    assert list(cluster.models) == [PETS]
    cluster.note("kafka", {"pets": odd})
    assert cluster.models[PETS].model.status.phase == "Serving", "what was known before"


def test_what_did_not_change_stays_what_it_is() -> None:
    cluster = Cluster(["kafka"])
    cluster.note("kafka", {"pets": pets()})
    before = cluster.models[PETS]
    cluster.note("kafka", {"pets": pets()})
    assert cluster.models[PETS] is before


@pytest.fixture
def models(tmp_path: Path) -> Iterator[tuple[ApiServer, Models]]:
    server, kubeconfig = ApiServer(), tmp_path / "kubeconfig"
    with running(server, kubeconfig):
        yield server, connect(Where(kubeconfig=str(kubeconfig)))


def test_all_models_of_a_namespace_are_listed_and_then_watched(
    models: tuple[ApiServer, Models], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, found = models
    changed = pets(phase="Training")
    events = [
        {"type": "MODIFIED", "object": changed},
        {"type": "DELETED", "object": changed},
        {"type": "ADDED", "object": changed},
        {"type": "ERROR", "object": {"code": 410}},
    ]
    listed = {"items": [pets()], "metadata": {"resourceVersion": "7"}}
    answers = iter([listed, b"".join(json.dumps(each).encode() + b"\n" for each in events)])
    monkeypatch.setattr(server, "answer", lambda _: (200, next(answers)))
    told = list(found.follow_all())
    assert [{name: body["status"]["phase"] for name, body in each.items()} for each in told] == [
        {"pets": "Serving"},
        {"pets": "Training"},
        {},
        {"pets": "Training"},
    ]
    assert "resourceVersion=7" in server.queries[1]
    assert [path for path, _ in server.requests] == [f"GET {MODELS}"] * 2


def pod(name: str, address: str, *, ready: bool = True, phase: str = "Running", **metadata: str) -> object:
    conditions = [{"type": "Ready", "status": str(ready)}]
    return {
        "metadata": {"name": name, **metadata},
        "status": {"phase": phase, "podIP": address, "conditions": conditions},
    }


def test_workers_that_run_are_found_the_ready_ones_first(models: tuple[ApiServer, Models]) -> None:
    server, found = models
    pods = [
        pod("starts", "10.0.0.1", ready=False),
        pod("ready", "10.0.0.2"),
        pod("six", "fd00::5"),
        pod("goes", "10.0.0.3", deletionTimestamp="2026-11-30T12:00:00Z"),
        pod("waits", "", phase="Pending"),
    ]
    server.answers["GET /api/v1/namespaces/kafka/pods"] = (200, {"items": pods})
    assert list_workers(found, "pets") == [
        "http://10.0.0.2:8080",
        "http://[fd00::5]:8080",
        "http://10.0.0.1:8080",
    ]
    [query] = server.queries
    assert unquote(query).endswith("catdog.dev/model=pets")
