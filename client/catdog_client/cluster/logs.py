"""Reads the logs of a model's pods, all at once while they are followed."""

import os
import threading
from collections.abc import Callable, Iterator
from queue import Queue
from typing import Any

import click
import msgspec

from catdog_client.cluster.api import FORBIDDEN, NOT_FOUND, Query, Refusal
from catdog_client.cluster.files_job import STORAGE_VARIABLE
from catdog_client.cluster.model import Metadata, View
from catdog_client.cluster.models import MODEL_LABEL, Models
from catdog_client.errors import ClientError

COMPONENTS = ("training", "inference", "shadow")
COMPONENT_LABEL = "app.kubernetes.io/component"

_COLOURS = ("cyan", "green", "magenta", "yellow", "blue")


class Asked(msgspec.Struct, frozen=True):
    """Whose logs, and how much of them."""

    model: str
    component: str | None = None  # None: all
    tail: int | None = None  # lines of each pod
    since: int | None = None  # seconds
    timestamps: bool = False
    prefix: bool = True

    @property
    def selector(self) -> str:
        """The pods' label selector."""
        components = [self.component] if self.component else COMPONENTS
        return f"{MODEL_LABEL}={self.model},{COMPONENT_LABEL} in ({','.join(components)})"

    def query(self, pod: "Pod") -> Query:
        """Return the query of a pod's log."""
        asked = {"container": pod.container, "tailLines": self.tail, "sinceSeconds": self.since}
        given: dict[str, str | int] = {name: value for name, value in asked.items() if value is not None}
        return given | ({"timestamps": "true"} if self.timestamps else {})


class ContainerStatus(View, frozen=True):
    """What is read of a container's status; each state has one key, or none."""

    name: str = ""
    restart_count: int = 0
    state: dict[str, Any] = msgspec.field(default_factory=dict)
    last_state: dict[str, Any] = msgspec.field(default_factory=dict)


class PodStatus(View, frozen=True):
    """What is read of a pod's status."""

    container_statuses: tuple[ContainerStatus, ...] = ()


class Variable(View, frozen=True):
    """What is read of a variable of a container's environment."""

    name: str


class Container(View, frozen=True):
    """What is read of a container."""

    name: str
    env: tuple[Variable, ...] = ()


class PodSpec(View, frozen=True):
    """What is read of a pod's spec."""

    containers: tuple[Container, ...] = ()


class PodMetadata(Metadata, frozen=True):
    """Which pod it is."""

    uid: str = ""
    creation_timestamp: str = ""


class Pod(View, frozen=True):
    """A pod of a model; others may have put containers of theirs beside its own."""

    metadata: PodMetadata
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()

    @property
    def container(self) -> str:
        """The name of its own container, which has the claim; empty where there is none."""
        own = (
            each.name
            for each in self.spec.containers
            if STORAGE_VARIABLE in (variable.name for variable in each.env)
        )
        return next(own, "")

    @property
    def runs(self) -> tuple[str, int] | None:
        """Which run of which pod has a log now; None where none has begun."""
        for container in self.status.container_statuses:
            if container.name != self.container:
                continue
            # While it waits to be started again, its log is that of the run that ended.
            if (container.state | container.last_state).keys() & {"running", "terminated"}:
                return self.metadata.uid, container.restart_count
        return None


def print_logs(models: Models, asked: Asked) -> None:
    """Print what there is, pod by pod, the oldest first.

    Raises:
        ClientError: no pod has a log, or the logs may not be read.
    """
    pods, _ = _list(models, asked)
    found = sorted(pods, key=lambda pod: pod.metadata.creation_timestamp)
    begun = [pod for pod in found if pod.runs is not None]
    if not begun:
        what = "has begun" if found else "is there"
        raise ClientError(f"no pod of {asked.model} {what}: `catdog status {asked.model}` says why")
    for number, pod in enumerate(begun):
        content = models.api.read(_path(models, pod), asked.query(pod))
        for line in content.decode(errors="replace").splitlines():
            click.echo(_prefix(asked, pod, number) + line)


def follow_logs(models: Models, asked: Asked) -> None:
    """Print what all pods say, those that come later too, until it is interrupted.

    Raises:
        ClientError: the pods may not be seen or read, or no API server answers.
    """
    followed: set[tuple[str, int]] = set()
    heard: Queue[Pod | BaseException] = Queue()
    _start(_hear_of_pods, models, asked, heard)
    while True:
        if isinstance(pod := heard.get(), BaseException):
            raise pod
        if (run := pod.runs) is not None and run not in followed:
            _start(_print_as_it_comes, models, asked, pod, _prefix(asked, pod, len(followed)), heard)
            followed.add(run)


def _start(work: Callable[..., None], *arguments: object) -> None:
    threading.Thread(target=work, args=arguments, daemon=True).start()


def _hear_of_pods(models: Models, asked: Asked, heard: "Queue[Pod | BaseException]") -> None:
    try:
        for pod in _follow(models, asked):
            heard.put(pod)
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is raised where somebody waits
        heard.put(error)


def _print_as_it_comes(
    models: Models, asked: Asked, pod: Pod, prefix: str, heard: "Queue[Pod | BaseException]"
) -> None:
    try:
        for line in models.api.lines(_path(models, pod), {**asked.query(pod), "follow": "true"}):
            click.echo(prefix + line.decode(errors="replace").rstrip("\n"))
    except ClientError as error:
        if isinstance(error, Refusal) and error.status == FORBIDDEN:
            heard.put(error)
        elif not (isinstance(error, Refusal) and error.status == NOT_FOUND):  # else the pod is gone
            click.echo(f"{prefix}({error})", err=True)  # the others go on


def _follow(models: Models, asked: Asked) -> Iterator[Pod]:
    """Yield pods as they are and as they change, without end."""
    while True:
        pods, version = _list(models, asked)
        yield from pods
        query = {"labelSelector": asked.selector}
        for kind, body in models.api.watch(_pods_path(models), query, version):
            if kind == "ERROR":
                break
            if kind != "DELETED":
                yield msgspec.convert(body, Pod)


def _list(models: Models, asked: Asked) -> tuple[list[Pod], str]:
    listed = models.api.get(_pods_path(models), {"labelSelector": asked.selector})
    return msgspec.convert(listed["items"], list[Pod]), listed["metadata"]["resourceVersion"]


def _pods_path(models: Models) -> str:
    return f"/api/v1/namespaces/{models.namespace}/pods"


def _path(models: Models, pod: Pod) -> str:
    return f"{_pods_path(models)}/{pod.metadata.name}/log"


def _prefix(asked: Asked, pod: Pod, number: int) -> str:
    if not asked.prefix:
        return ""
    colour = None if os.environ.get("NO_COLOR") else _COLOURS[number % len(_COLOURS)]
    return click.style(pod.metadata.name, fg=colour) + " "
