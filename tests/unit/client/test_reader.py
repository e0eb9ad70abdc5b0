"""Where a model's files are read: in a worker, else in the pod of a Job that goes again."""

from collections.abc import Iterator
from typing import Any, cast

import pytest

from catdog_client.cluster.api import NOT_FOUND, Api, Refusal
from catdog_client.cluster.models import Models
from catdog_client.cluster.reader import choose_worker, reading
from catdog_client.errors import ClientError

Pod = dict[str, Any]
RUNS = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
WAITS = {"waiting": {"reason": "ContainerCreating"}}
BODY = {"apiVersion": "catdog.dev/v1alpha1", "kind": "CatDogModel", "metadata": {"name": "pets", "uid": "1"}}
ENVIRONMENT = [{"name": "CATDOG_STORAGE_DIR", "value": "/models"}]
JOBS = "/apis/batch/v1/namespaces/kafka/jobs"


def some_pod(
    name: str, state: dict[str, Any] | None = None, *, ready: bool = True, leaves: bool = False
) -> Pod:
    """Return a worker's pod, with another's container before its own."""
    sidecar = {"name": "mesh", "state": RUNS, "ready": True}
    own = {"name": "worker", "state": RUNS if state is None else state, "ready": ready}
    return {
        "metadata": {"name": name} | ({"deletionTimestamp": "2026-01-01T00:00:00Z"} if leaves else {}),
        "spec": {"containers": [{"name": "mesh"}, {"name": "worker", "env": ENVIRONMENT}]},
        "status": {"containerStatuses": [sidecar, own]},
    }


def some_child(created: str, image: str) -> dict[str, Any]:
    """Return a Deployment or a Job."""
    mounts = [{"name": "models", "mountPath": "/models"}]
    container = {"name": "worker", "image": image, "env": ENVIRONMENT, "volumeMounts": mounts}
    spec = {"containers": [container], "volumes": [{"name": "models"}]}
    return {"metadata": {"creationTimestamp": created}, "spec": {"template": {"spec": spec}}}


class Cluster:
    """What an API server would say, of a model without workers; what is made and removed is kept."""

    def __init__(self, *pods: Pod, deployments: Any = (), jobs: Any = ()) -> None:  # noqa: ANN401 - JSON
        self.pods, self.client = pods, None
        self.children = {"deployments": list(deployments), "jobs": list(jobs)}
        self.made: list[dict[str, Any]] = []
        self.removed: list[str] = []
        self.gone = False

    def get(self, path: str, query: dict[str, str]) -> dict[str, Any]:
        kind = path.rpartition("/")[2]
        if kind != "pods":
            return {"items": self.children[kind]}
        of_the_job = query["labelSelector"] == "batch.kubernetes.io/job-name=pets-files-x"
        return {"items": self.pods[:1] if of_the_job else [], "metadata": {"resourceVersion": "7"}}

    def watch(self, *_: object) -> Iterator[tuple[str, Pod]]:
        yield from (("MODIFIED", each) for each in self.pods[1:])

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        assert path == JOBS
        self.made.append(body)
        return {"metadata": {"name": "pets-files-x"}}

    def delete(self, path: str, query: dict[str, str]) -> None:
        assert query == {"propagationPolicy": "Background"}
        self.removed.append(path)
        if self.gone:
            raise Refusal(NOT_FOUND, "not found")

    def models(self) -> Models:
        return Models(cast("Api", self), "kafka")


def test_a_worker_that_is_ready_is_read_before_one_that_is_not() -> None:
    pods = [some_pod("slow", ready=False), some_pod("ready")]
    assert (choose_worker(pods) or {})["metadata"]["name"] == "ready"
    assert (choose_worker(pods[:1]) or {})["metadata"]["name"] == "slow"


def test_what_does_not_run_or_is_about_to_end_is_not_read() -> None:
    crashed = some_pod("crashed", {"waiting": {"reason": "CrashLoopBackOff"}})
    new = some_pod("new")
    del new["status"]["containerStatuses"]
    assert choose_worker([crashed, some_pod("leaves", leaves=True), new]) is None


def test_without_a_worker_a_job_is_made_and_removed_whatever_happens() -> None:
    cluster = Cluster(some_pod("a", WAITS), some_pod("a"), deployments=[some_child("2026", "worker:1")])
    with pytest.raises(KeyboardInterrupt), reading(cluster.models(), BODY):
        raise KeyboardInterrupt
    assert cluster.removed == [f"{JOBS}/pets-files-x"]
    assert cluster.made[0]["spec"]["template"]["spec"]["containers"][0]["image"] == "worker:1"


def test_that_the_job_is_gone_already_is_no_fault() -> None:
    cluster = Cluster(some_pod("a"), deployments=[some_child("2026", "worker:1")])
    cluster.gone = True
    with reading(cluster.models(), BODY):
        pass
    assert cluster.removed


def test_where_no_version_has_served_yet_the_newest_training_says_how() -> None:
    cluster = Cluster(some_pod("a"), jobs=[some_child("2026", "new:2"), some_child("2025", "old:1")])
    with reading(cluster.models(), BODY):
        pass
    assert cluster.made[0]["spec"]["template"]["spec"]["containers"][0]["image"] == "new:2"


def test_without_either_it_is_told() -> None:
    with (
        pytest.raises(ClientError, match="neither a worker nor a training"),
        reading(Cluster().models(), BODY),
    ):
        pass


def test_why_the_pod_does_not_start_is_told_in_the_clusters_words() -> None:
    unschedulable = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": "0/3 nodes",
    }
    failed = some_pod("a", WAITS)
    failed["status"] = {"phase": "Failed", "conditions": [unschedulable]}
    cluster = Cluster(failed, deployments=[some_child("2026", "worker:1")])
    told = r"does not start: Unschedulable 0/3 nodes$"
    with pytest.raises(ClientError, match=told), reading(cluster.models(), BODY):
        pass
    assert cluster.removed
    with (
        pytest.raises(ClientError, match="no pod was made"),
        reading(Cluster(deployments=[some_child("2026", "worker:1")]).models(), BODY),
    ):
        pass
