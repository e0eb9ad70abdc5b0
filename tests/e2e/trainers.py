"""Trainers as the tests strike them: awaited by what their log says, then killed, evicted, cut off."""

import json
import os
import select
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from catdog_common.training import Progress, Stage
from catdog_operator.progress import read_progress
from tests.cluster.instance import Instance
from tests.cluster.waiting import PATIENCE_SECONDS
from tests.e2e.models import NAMESPACE, Model, watched
from tests.e2e.processes import process_in_pod, processes_of


@dataclass(frozen=True)
class Trainer:
    """A pod that trains."""

    cluster: Instance
    name: str
    uid: str
    address: str

    def await_stage(self, stage: Stage) -> Progress:
        """Return the first progress that the log tells of a stage.

        Raises:
            AssertionError: the log ended without.
        """
        return self.await_progress(lambda progress: progress.stage == stage, stage)

    def await_progress(self, holds: Callable[[Progress], bool], what: str) -> Progress:
        """Return the first progress for which `holds` is true: all of them are in the log, and at once.

        Raises:
            AssertionError: the log ended without.
        """
        runs = True
        while runs:
            runs = self._runs()  # before: of what it says at last nothing is missed
            with self._log() as lines:
                for line in lines:
                    progress = read_progress(line)
                    if progress is not None and holds(progress):
                        return progress
        raise AssertionError(f"{self.name} ended and never said {what}")

    @contextmanager
    def _log(self) -> Iterator[Iterator[str]]:
        """Give the lines of its log until it ends, or the way to it."""
        kubectl = [str(self.cluster.kubectl_path), "--kubeconfig", str(self.cluster.kubeconfig)]
        follow = [*kubectl, "logs", "--follow", self.name, "-n", NAMESPACE]
        with subprocess.Popen(follow, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            try:
                yield iter(process.stdout)
            finally:
                process.terminate()

    def _runs(self) -> bool:
        look = ("pod", self.name, "-n", NAMESPACE, "--ignore-not-found", "-o", "jsonpath={.status.phase}")
        return self.cluster.kubectl("get", *look) == "Running"

    def kill(self) -> None:
        """End its program without a word."""
        os.kill(process_in_pod(self.uid, "python3"), signal.SIGKILL)

    def evict(self) -> None:
        """Ask the API server to take the pod away, as a drain of its node does."""
        eviction = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": self.name, "namespace": NAMESPACE},
        }
        path = f"/api/v1/namespaces/{NAMESPACE}/pods/{self.name}/eviction"
        self.cluster.kubectl("create", "--raw", path, "-f", "-", input=json.dumps(eviction))

    def end_kubelet(self) -> None:
        """End the kubelet; the node's supervisor starts another."""
        _end_kubelet(self.cluster)

    def end_node(self) -> None:
        """End the kubelet and then all of the pod's processes, which the next kubelet finds gone."""
        _end_kubelet(self.cluster)
        for path in Path("/proc").iterdir():
            with suppress(OSError):  # it is no process, or has ended
                if f"pod{self.uid}" in (path / "cgroup").read_text():
                    os.kill(int(path.name), signal.SIGKILL)


def await_trainer(model: Model) -> Trainer:
    """Return the model's trainer, once it runs.

    Raises:
        AssertionError: none did in time.
    """
    selector = f"catdog.dev/model={model.name},app.kubernetes.io/component=training"
    fields = '{.status.phase} {.metadata.name} {.metadata.uid} {.status.podIP}{"\\n"}'
    look = ("pods", "-n", model.namespace, "-l", selector, "-o", f"jsonpath={fields}")
    with watched(model.cluster, *look, timeout=PATIENCE_SECONDS) as lines:
        for line in lines:
            phase, _, rest = line.strip().partition(" ")
            if phase == "Running":
                return Trainer(model.cluster, *rest.split())
    raise AssertionError(f"no trainer of {model.name} ran within {PATIENCE_SECONDS} s")


def _end_kubelet(cluster: Instance) -> None:
    [kubelet] = processes_of(cluster, "kubelet")
    ended = os.pidfd_open(kubelet)
    signal.pidfd_send_signal(ended, signal.SIGKILL)
    select.select([ended], [], [])
    os.close(ended)
