"""The console for somebody who may forward a port: installed by its manifests, reached at localhost."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import yaml

from tests.cluster.audit import Right, rights_of
from tests.cluster.instance import Instance
from tests.cluster.operator_process import free_port
from tests.cluster.overlay import CONSOLE
from tests.cluster.waiting import PATIENCE_SECONDS, await_answer
from tests.e2e.models import NAMESPACE

DEPLOYMENT = "deployment/catdog-console"
_PORT = 8080  # of the pod
_PAUSE_SECONDS = 0.5  # before kubectl is started again


@contextmanager
def forwarded(cluster: Instance, port: int | None = None) -> Iterator[str]:
    """Give the URL of the console by a port of this machine, that one or a free one.

    kubectl forwards no more after a connection that took too long: then it is started again.
    """
    port = port or free_port()
    kubectl = (str(cluster.kubectl_path), "--kubeconfig", str(cluster.kubeconfig))
    command = (*kubectl, "port-forward", "-n", NAMESPACE, DEPLOYMENT, f"{port}:{_PORT}")
    over, processes = threading.Event(), list[subprocess.Popen[bytes]]()

    def forward() -> None:
        while not over.wait(_PAUSE_SECONDS if processes else 0):
            with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
                processes.append(process)
                if over.is_set():
                    process.terminate()

    forwarding = threading.Thread(target=forward)
    forwarding.start()
    try:
        await_answer(f"http://localhost:{port}/healthz", PATIENCE_SECONDS)
        yield f"http://localhost:{port}"
    finally:
        over.set()
        for process in processes:
            process.terminate()
        forwarding.join()


def rights_of_console() -> set[Right]:
    """Return what its manifests grant."""
    documents = yaml.safe_load_all((CONSOLE / "rbac.yaml").read_text())
    [role] = [each for each in documents if each["kind"] == "Role"]
    return rights_of(role)
