"""The console for somebody who may forward a port: installed by its manifests, reached at localhost."""

import subprocess
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


@contextmanager
def forwarded(cluster: Instance, port: int | None = None) -> Iterator[str]:
    """Give the URL of the console by a port of this machine, that one or a free one."""
    port = port or free_port()
    kubectl = (str(cluster.kubectl_path), "--kubeconfig", str(cluster.kubeconfig))
    command = (*kubectl, "port-forward", "-n", NAMESPACE, DEPLOYMENT, f"{port}:{_PORT}")
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as forwarding:
        try:
            await_answer(f"http://localhost:{port}/healthz", PATIENCE_SECONDS)
            yield f"http://localhost:{port}"
        finally:
            forwarding.terminate()


def rights_of_console() -> set[Right]:
    """Return what its manifests grant."""
    documents = yaml.safe_load_all((CONSOLE / "rbac.yaml").read_text())
    [role] = [each for each in documents if each["kind"] == "Role"]
    return rights_of(role)
