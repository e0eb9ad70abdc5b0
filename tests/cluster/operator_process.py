"""Runs the operator as a process on the host, as its own service account: with the rights of production."""

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.cluster.cache import REPOSITORY
from tests.cluster.overlay import OPERATOR_NAMESPACE
from tests.cluster.state import Instance
from tests.cluster.waiting import PATIENCE_SECONDS, await_answer

OPERATOR = "catdog-operator"
# Below those of nodes' services (30000) and of connections (Linux' ip_local_port_range, 32768).
_PORTS = range(15_000, 30_000)
PLACEHOLDERS = {"catdog-trainer": "catdog-trainer:latest", "catdog-inference": "catdog-inference:latest"}

_LINES_OF_A_FAILURE = 30


@dataclass(frozen=True)
class OperatorProcess:
    """An operator that runs; whoever kills it may, the context's end takes notice."""

    process: subprocess.Popen[bytes]
    url: str  # of /healthz and, where there are some, of /metrics
    log: Path

    @property
    def pid(self) -> int:
        """Its process."""
        return self.process.pid

    @property
    def peak_memory_bytes(self) -> int:
        """The most memory that it has had resident so far."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        [line] = [line for line in lines if line.startswith("VmHWM:")]
        return int(line.split()[1]) * 1024

    def end(self, signal_number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, if it still runs, and return its exit code when it has ended.

        Raises:
            TimeoutExpired: it did not end; then it was killed.
        """
        self.process.send_signal(signal_number)
        try:
            return self.process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


@contextlib.contextmanager
def operator_process(
    cluster: Instance,
    directory: Path,
    *,
    server: str | None = None,
    settings: Mapping[str, str] | None = None,
    source: Path = REPOSITORY,
) -> Iterator[OperatorProcess]:
    """Run an operator, and end it with the context; it has its kubeconfig and its log in `directory`.

    `server` is a URL to reach the API server by instead of its own, such as a proxy's; `settings` are
    variables of its environment; `source` is the checkout whose operator it is. The rights are what the
    manifests grant: `install_rights` before.

    Raises:
        RuntimeError: it ended before it was ready; the message has the end of its log.
    """
    directory.mkdir(parents=True, exist_ok=True)
    kubeconfig, log, port = directory / "kubeconfig", directory / "operator.log", free_port()
    write_operator_kubeconfig(cluster, kubeconfig, server)
    environment = operator_environment(cluster, kubeconfig, port, source) | dict(settings or {})
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "catdog_operator"],
            env=environment,
            cwd=directory,
            stdout=output,
            stderr=output,
        )
    running = OperatorProcess(process, f"http://127.0.0.1:{port}", log)
    try:
        _await_start(running)
        yield running
    finally:
        running.end()


def install_rights(cluster: Instance, manifests: Path = REPOSITORY / "manifests" / "base") -> None:
    """Apply of the manifests what lets an operator work, but not the operator: namespace, account, rights."""
    objects = yaml.safe_load_all(cluster.kubectl("kustomize", str(manifests)))
    wanted = [each for each in objects if each["kind"] not in ("Deployment", "CustomResourceDefinition")]
    listed = {"apiVersion": "v1", "kind": "List", "items": wanted}
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", input=json.dumps(listed))


def write_operator_kubeconfig(cluster: Instance, path: Path, server: str | None = None) -> None:
    """Write a kubeconfig with a token of the operator's service account, valid for a day."""
    token = cluster.kubectl("create", "token", OPERATOR, "-n", OPERATOR_NAMESPACE, "--duration=24h").strip()
    config = yaml.safe_load(cluster.kubeconfig.read_text())
    [user], [entry], [context] = config["users"], config["clusters"], config["contexts"]
    user["user"] = {"token": token}
    entry["cluster"]["server"] = server or entry["cluster"]["server"]
    context["context"]["namespace"] = OPERATOR_NAMESPACE
    path.write_text(yaml.safe_dump(config))
    path.chmod(0o600)


@contextlib.contextmanager
def deployment_scaled_down(cluster: Instance) -> Iterator[None]:
    """Have the operator that is installed in the cluster stand still, and go on with the context's end."""
    deployment = ("-n", OPERATOR_NAMESPACE, f"deployment/{OPERATOR}")
    cluster.kubectl("scale", *deployment, "--replicas=0")
    pods = ("pod", "-n", OPERATOR_NAMESPACE, "-l", "app.kubernetes.io/component=operator")
    cluster.kubectl("wait", *pods, "--for=delete", "--timeout=240s")
    try:
        yield
    finally:
        cluster.kubectl("scale", *deployment, "--replicas=1")
        cluster.kubectl("rollout", "status", *deployment, "--timeout=240s")


def operator_environment(
    cluster: Instance, kubeconfig: Path, port: int, source: Path = REPOSITORY
) -> dict[str, str]:
    """Return all that the operator is told; of this process' own environment it sees nothing else."""
    images = PLACEHOLDERS | cluster.images
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONPATH": f"{source / 'operator'}:{source / 'common'}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "KUBECONFIG": str(kubeconfig),
        "CATDOG_HTTP_PORT": str(port),
        "CATDOG_METRICS_PORT": str(free_port()),
        "RELATED_IMAGE_TRAINER": images["catdog-trainer"],
        "RELATED_IMAGE_INFERENCE": images["catdog-inference"],
    }


def _await_start(operator: OperatorProcess) -> None:
    def check_it_lives() -> None:
        if (code := operator.process.poll()) is not None:
            tail = operator.log.read_text(errors="replace").splitlines()[-_LINES_OF_A_FAILURE:]
            raise RuntimeError("\n".join([f"the operator ended with exit code {code}:", *tail]))

    await_answer(f"{operator.url}/healthz", PATIENCE_SECONDS, meanwhile=check_it_lives)


def free_port() -> int:
    """Return a port of this machine that nobody listens at.

    None of those that the kernel gives to connections: such a one could be taken before a program that has
    yet to start listens at it.
    """
    while True:
        port = random.SystemRandom().choice(_PORTS)
        with socket.socket() as listener, contextlib.suppress(OSError):  # it is taken
            listener.bind(("", port))
            return port
