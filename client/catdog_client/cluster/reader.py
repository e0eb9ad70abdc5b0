"""Finds a container in which a model's files can be read: a worker's, or for a moment one of our own."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from catdog_client.cluster.api import NOT_FOUND, Refusal
from catdog_client.cluster.files_job import build_files_job, own_container, storage_dir
from catdog_client.cluster.models import MODEL_LABEL, Models
from catdog_client.cluster.pod_exec import Container, read_file
from catdog_client.errors import ClientError

Manifest = dict[str, Any]

_START_SECONDS = 180  # of the Job's deadline; the rest is for reading
_COMPONENT_LABEL, _JOB_LABEL = "app.kubernetes.io/component", "batch.kubernetes.io/job-name"


class Reader:
    """Reads what lies below a model's folder on its claim."""

    def __init__(self, models: Models, model: str, container: Container, storage: str) -> None:
        self._client, self._container = models.api.client, container
        self._directory = f"{storage}/{model}"

    def read(self, path: str) -> bytes:
        """Return a file's content.

        Raises:
            ClientError: it can't be read.
        """
        return read_file(self._client, self._container, f"{self._directory}/{path}")


@contextmanager
def reading(models: Models, model: Manifest) -> Iterator[Reader]:
    """Give a reader of a model's files; where no worker runs, a Job of ours is there as long as it is used.

    Raises:
        ClientError: we may not, or there is nothing that says how such a pod is made, or it does not start.
    """
    name = model["metadata"]["name"]
    worker = choose_worker(_pods(models, f"{_COMPONENT_LABEL}=inference,{MODEL_LABEL}={name}"))
    if worker is not None:
        yield _reader(models, name, worker)
        return
    template = _find_template(models, name)
    job = models.api.post(_jobs(models), build_files_job(model, template))
    try:
        yield _reader(models, name, _await_pod(models, job["metadata"]["name"]))
    finally:
        _remove(models, job["metadata"]["name"])


def _remove(models: Models, job: str) -> None:
    try:
        models.api.delete(f"{_jobs(models)}/{job}", {"propagationPolicy": "Background"})
    except Refusal as error:
        if error.status != NOT_FOUND:  # where its time was over, it went by itself
            raise


def choose_worker(pods: Sequence[Manifest]) -> Manifest | None:
    """Return a pod whose container runs and is to go on, one that is ready before others."""
    running = [pod for pod in pods if _runs(pod) and "deletionTimestamp" not in pod["metadata"]]
    return min(running, key=lambda pod: not _own_status(pod).get("ready"), default=None)


def _runs(pod: Manifest) -> bool:
    return "running" in _own_status(pod).get("state", {})


def _own_status(pod: Manifest) -> Manifest:
    """Return the status of the container that has the claim; a pod that is not placed yet has none."""
    name = own_container(pod["spec"])["name"]
    found = (each for each in pod.get("status", {}).get("containerStatuses", ()) if each["name"] == name)
    return next(found, {})


def _find_template(models: Models, name: str) -> Manifest:
    """Return how the model's pods are made: the workers, or (where no version has served yet) a trainer."""
    for path, component in (
        (f"/apis/apps/v1/namespaces/{models.namespace}/deployments", "inference"),
        (_jobs(models), "training"),
    ):
        selector = {"labelSelector": f"{_COMPONENT_LABEL}={component},{MODEL_LABEL}={name}"}
        if found := models.api.get(path, selector)["items"]:
            newest = max(found, key=lambda each: str(each["metadata"]["creationTimestamp"]))
            template: Manifest = newest["spec"]["template"]
            return template
    raise ClientError(
        f"model {name} has neither a worker nor a training, so nothing says how its files are reached"
    )


def _await_pod(models: Models, job: str) -> Manifest:
    """Return the Job's pod as soon as it runs."""
    last: Manifest = {}
    deadline = time.monotonic() + _START_SECONDS
    for last in _follow_pods(models, job):
        if _runs(last):
            return last
        if last.get("status", {}).get("phase") == "Failed" or time.monotonic() > deadline:
            break
    raise ClientError(f"a pod that reads the files does not start: {_tell(last)}")


def _follow_pods(models: Models, job: str) -> Iterator[Manifest]:
    """Yield the Job's pods as they are, and as they change, until there are none after a time."""
    path, query = _path_of_pods(models), {"labelSelector": f"{_JOB_LABEL}={job}"}
    while True:
        listed = models.api.get(path, query)
        yield from listed["items"]
        is_there = bool(listed["items"])
        for kind, pod in models.api.watch(path, query, listed["metadata"]["resourceVersion"]):
            if kind in ("ERROR", "DELETED"):
                break
            is_there = True
            yield pod
        if not is_there:
            return  # the Job's controller makes it at once, where it may


def _tell(pod: Manifest) -> str:
    """Return what keeps a pod from running, in the cluster's words."""
    status = pod.get("status", {})
    waits = [each["state"].get("waiting", {}) for each in status.get("containerStatuses", ())]
    conditions = [each for each in status.get("conditions", ()) if each["status"] == "False"]
    for each in (*waits, *conditions, status):
        if each.get("message") or each.get("reason"):
            return f"{each.get('reason', '')} {each.get('message', '')}".strip()
    return "no pod was made; see the Events of the namespace (a quota, perhaps)"


def _reader(models: Models, name: str, pod: Manifest) -> Reader:
    container = own_container(pod["spec"])
    place = Container(models.namespace, pod["metadata"]["name"], container["name"])
    return Reader(models, name, place, storage_dir(container))


def _pods(models: Models, selector: str) -> list[Manifest]:
    pods: list[Manifest] = models.api.get(_path_of_pods(models), {"labelSelector": selector})["items"]
    return pods


def _path_of_pods(models: Models) -> str:
    return f"/api/v1/namespaces/{models.namespace}/pods"


def _jobs(models: Models) -> str:
    return f"/apis/batch/v1/namespaces/{models.namespace}/jobs"
