"""A CatDogModel as the tests handle it: apply it, await what its status says, and look at its children."""

import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from tests.cluster.instance import Instance
from tests.cluster.waiting import PATIENCE_SECONDS

Status = dict[str, Any]
NAMESPACE = "kafka"
_PAUSE_SECONDS = 0.5  # before a watch that ended is begun anew


@dataclass(frozen=True)
class Model:
    """One CatDogModel on the test cluster."""

    cluster: Instance
    name: str
    namespace: str = NAMESPACE

    def apply(self, spec: dict[str, Any]) -> None:
        """Apply the resource with this spec, as `kubectl apply` does it."""
        manifest = {
            "apiVersion": "catdog.dev/v1alpha1",
            "kind": "CatDogModel",
            "metadata": {"name": self.name, "namespace": self.namespace},
            "spec": spec,
        }
        self.cluster.kubectl("apply", "-f", "-", input=json.dumps(manifest))

    def patch(self, spec: dict[str, Any]) -> None:
        """Edit the resource: merge `spec` into what it has."""
        patch = json.dumps({"spec": spec})
        self.cluster.kubectl(
            "patch", "catdogmodel", self.name, "-n", self.namespace, "--type=merge", "-p", patch
        )

    def delete(self) -> None:
        """Delete the resource, if it is there, and await that its children are gone."""
        self.cluster.kubectl(
            "delete",
            "catdogmodel",
            self.name,
            "-n",
            self.namespace,
            "--cascade=foreground",
            "--ignore-not-found",
        )

    def await_status(
        self, holds: Callable[[Status], bool], what: str, timeout: float = PATIENCE_SECONDS
    ) -> Status:
        """Return the first status for which `holds` is true.

        Raises:
            AssertionError: there was none within `timeout` seconds; the message has the last one.
        """
        last: Status = {}
        with self._statuses(timeout) as statuses:
            for last in statuses:
                if holds(last):
                    return last
        raise AssertionError(
            f"{self.name}: {what}: not within {timeout} s; its status:\n{json.dumps(last, indent=1)}"
        )

    def await_condition(
        self, kind: str, expected: tuple[str, str, str], timeout: float = PATIENCE_SECONDS
    ) -> Status:
        """Return the first status whose condition `kind` has this (status, reason, message)."""
        return self.await_status(
            lambda status: condition(status, kind) == expected, f"{kind} is {expected}", timeout
        )

    def await_ready(self, version: int | None = None, timeout: float = PATIENCE_SECONDS) -> Status:
        """Return the first status that says Ready for the last edit, of `version` if one is given."""
        edit = self.generation()
        return self.await_status(
            lambda status: (
                status.get("observedGeneration", 0) >= edit
                and condition(status, "Ready")[0] == "True"
                and version in (None, status.get("inference", {}).get("servedVersion"))
            ),
            f"ready with version {version or 'any'}",
            timeout,
        )

    def await_photos_read(self) -> None:
        """Wait until a training is past its photos: the rest of it is as for any other source."""
        self.await_status(
            lambda status: (
                status.get("progress", {}).get("stage", "Starting") not in ("Starting", "Loading")
                or condition(status, "Trained")[0] == "True"
            ),
            "its photos were read",
        )

    def children(self, kind: str) -> list[dict[str, Any]]:
        """Return the model's objects of a kind."""
        answer = self.cluster.kubectl(
            "get", kind, "-n", self.namespace, "-l", f"catdog.dev/model={self.name}", "-o", "json"
        )
        items: list[dict[str, Any]] = json.loads(answer)["items"]
        return items

    def workers(self) -> list[dict[str, Any]]:
        """Return the model's pods that answer."""
        pods = self.children("pods")
        return [
            pod for pod in pods if pod["metadata"]["labels"]["app.kubernetes.io/component"] == "inference"
        ]

    def restarts(self) -> dict[str, int]:
        """Return how often each worker was restarted, by its uid."""
        return {
            pod["metadata"]["uid"]: sum(
                each["restartCount"] for each in pod["status"].get("containerStatuses", [])
            )
            for pod in self.workers()
        }

    def exists(self) -> bool:
        """Whether the resource is there."""
        look = ("get", "catdogmodel", self.name, "-n", self.namespace, "--ignore-not-found", "-o", "name")
        return self.cluster.kubectl(*look) != ""

    def status(self) -> Status:
        """Return the status as it is now."""
        answer = self.cluster.kubectl("get", "catdogmodel", self.name, "-n", self.namespace, "-o", "json")
        status: Status = json.loads(answer).get("status", {})
        return status

    def generation(self) -> int:
        """Return the number of the last edit."""
        look = (
            "get",
            "catdogmodel",
            self.name,
            "-n",
            self.namespace,
            "-o",
            "jsonpath={.metadata.generation}",
        )
        return int(self.cluster.kubectl(*look))

    @contextmanager
    def _statuses(self, timeout: float) -> Iterator[Iterator[Status]]:
        # As a list: of an object by name kubectl never prints what changes between its get and its watch.
        by_name = ("--field-selector", f"metadata.name={self.name}")
        look = ("catdogmodels", "-n", self.namespace, *by_name, "-o", 'jsonpath={.status}{"\\n"}')
        with watched(self.cluster, *look, timeout=timeout) as lines:
            yield (json.loads(line) for line in lines if line.strip())


@contextmanager
def watched(cluster: Instance, *look: str, timeout: float) -> Iterator[Iterator[str]]:
    """Give the lines that `kubectl get --watch` prints, for at most `timeout` seconds.

    It is begun anew, with what is there then, if it ends before: with the API server, or by itself.
    """
    kubectl = [str(cluster.kubectl_path), "--kubeconfig", str(cluster.kubeconfig), "get", *look, "--watch"]
    over = threading.Event()
    with ExitStack() as stack:

        def begin() -> subprocess.Popen[str]:
            return stack.enter_context(subprocess.Popen(kubectl, stdout=subprocess.PIPE, text=True))

        processes = [begin()]  # at once: what comes from here on is seen

        def end() -> None:
            over.set()
            processes[-1].terminate()

        def lines() -> Iterator[str]:
            while True:
                stdout = processes[-1].stdout
                assert stdout is not None
                yield from stdout
                if over.wait(_PAUSE_SECONDS):
                    return
                processes.append(begin())
                if over.is_set():  # since
                    end()

        deadline = threading.Timer(timeout, end)
        deadline.start()
        try:
            yield lines()
        finally:
            deadline.cancel()
            end()


def condition(status: Status, kind: str) -> tuple[str, str, str]:
    """Return (status, reason, message) of a condition, empty strings where it is not there."""
    for each in status.get("conditions", []):
        if each["type"] == kind:
            return each["status"], each["reason"], each["message"]
    return "", "", ""
