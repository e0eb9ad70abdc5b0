"""A local cluster by its name: brought up, asked, and taken away."""

import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tests.cluster import host
from tests.cluster.cache import Cache
from tests.cluster.commands import CommandError, run
from tests.cluster.host import Processes
from tests.cluster.layout import Layout

# What kubectl says of an API server, or a kubelet, that is not to be asked at this moment.
_PASSING = re.compile(
    r"etcdserver: (leader changed|request timed out)|connection (refused|reset by peer)|unexpected EOF"
    r"|The connection to the server \S+ was refused|TLS handshake timeout|client connection lost"
    r"|the server is currently unable to handle the request|Error from server \(Timeout\)"
)
_PASSING_SECONDS = 30.0
_PAUSE_SECONDS = 1.0

# What the demo's model `pets` is reached by; the person may set others.
_CLIENT_SETTINGS = {
    "CATDOG_INPUT_TOPIC": "pets-images",
    "CATDOG_OUTPUT_TOPIC": "pets-predictions",
    "CATDOG_DEAD_LETTER_TOPIC": "pets-dead-letters",
}


class Record(msgspec.Struct, frozen=True):
    """What is kept about an instance as long as anything of it may be there."""

    number: int
    processes: Processes | None = None
    specification: str = ""  # what the node was started with
    images: dict[str, str] = {}


@dataclass(frozen=True)
class Instance:
    """One local cluster."""

    name: str
    cache: Cache

    @property
    def state_dir(self) -> Path:
        """Everything of this instance on the host's disk."""
        return self.cache.root / "instances" / self.name

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.state_dir / "admin.kubeconfig"

    @property
    def kubectl_path(self) -> Path:
        """Kubernetes' own kubectl, of the cluster's version."""
        return self.state_dir / "bin" / "kubectl"

    @property
    def client_dir(self) -> Path:
        """Address and certificates for a Kafka client on the host."""
        return self.state_dir / "client"

    @property
    def console_dir(self) -> Path:
        """What `kubectl apply -k` installs the console by."""
        return self.state_dir / "console"

    @property
    def images(self) -> dict[str, str]:
        """Name → reference of the images in the node."""
        return self.record.images if self.record else {}

    @property
    def record(self) -> Record | None:
        """What is known of the instance; None where there is nothing of it."""
        path = self._record_path
        return msgspec.json.decode(path.read_bytes(), type=Record) if path.exists() else None

    @property
    def known(self) -> Record:
        """What is known of the instance.

        Raises:
            LookupError: there is nothing of it.
        """
        if self.record is None:
            raise LookupError(f"the local cluster {self.name} is not up: `make up NAME={self.name}`")
        return self.record

    @property
    def layout(self) -> Layout:
        """Where everything of the instance is."""
        return Layout(self.state_dir, self.known.number)

    @property
    def is_running(self) -> bool:
        """Whether the node is there."""
        processes = self.record.processes if self.record else None
        return processes is not None and host.is_running(processes)

    def kubectl(self, *arguments: str, input: str | None = None) -> str:  # noqa: A002 -- subprocess' own word
        """Run kubectl as the administrator and return what it prints.

        It is run again while nobody answers it, for half a minute at most.

        Raises:
            CommandError: it failed; the message has what it said.
        """
        deadline = time.monotonic() + _PASSING_SECONDS
        while True:
            try:
                return run(self.kubectl_path, *arguments, env=self._kubectl_environment(), stdin=input)
            except CommandError as error:
                if not _PASSING.search(str(error)) or time.monotonic() > deadline:
                    raise
            time.sleep(_PAUSE_SECONDS)  # a server that answers again tells nobody

    def claim_path(self, namespace: str, name: str) -> Path:
        """Return the directory on the host that holds what is on a bound claim."""
        volume = self.kubectl("get", "pvc", name, "-n", namespace, "-o", "jsonpath={.spec.volumeName}")
        if not volume:
            raise LookupError(f"the claim {namespace}/{name} is not bound")
        return Path(self.kubectl("get", "pv", volume, "-o", "jsonpath={.spec.local.path}"))

    def environment(self) -> dict[str, str]:
        """Return what a shell needs to work with this cluster: kubectl, catdog, and the way to Kafka."""
        bootstrap = self.client_dir / "bootstrap"
        kafka = {
            "CATDOG_KAFKA_BOOTSTRAP_SERVERS": bootstrap.read_text().strip() if bootstrap.exists() else "",
            "CATDOG_KAFKA_CA_DIR": str(self.client_dir / "ca"),
            "CATDOG_KAFKA_USER_DIR": str(self.client_dir / "user"),
        }
        path = f"{self.state_dir / 'bin'}:{os.environ.get('PATH', os.defpath)}"
        return {"PATH": path, **self._kubectl_environment(), **kafka, **_CLIENT_SETTINGS}

    def write_record(self, record: Record) -> None:
        """Replace what is known of the instance."""
        self.state_dir.mkdir(parents=True, exist_ok=True)
        partial = self._record_path.with_suffix(".partial")
        partial.write_bytes(msgspec.json.encode(record))
        partial.rename(self._record_path)

    def forget(self) -> None:
        """Remove what is known of the instance: there is nothing of it any more."""
        self._record_path.unlink()

    def _kubectl_environment(self) -> dict[str, str]:
        # Else kubectl would keep what it learns of the API under the person's ~/.kube.
        return {"KUBECONFIG": str(self.kubeconfig), "KUBECACHEDIR": str(self.layout.kubectl_cache)}

    @property
    def _record_path(self) -> Path:
        return self.state_dir / "instance.json"
