"""Where an instance's files, addresses and names are: all a function of its directory and its number."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path

NUMBERS = range(64)


@dataclass(frozen=True)
class Layout:
    """One instance; its number tells its addresses apart from those of the others."""

    state_dir: Path
    number: int

    @property
    def node_dir(self) -> Path:
        """What the node's programs read and write, afresh at every start."""
        return self.state_dir / "node"

    @property
    def logs_dir(self) -> Path:
        """The programs' logs, which outlive them."""
        return self.state_dir / "logs"

    @property
    def volumes_dir(self) -> Path:
        """The directories of the PersistentVolumes."""
        return self.state_dir / "volumes"

    @property
    def containerd_dir(self) -> Path:
        """The images, which stay when the instance goes down."""
        return self.state_dir / "containerd"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.state_dir / "admin.kubeconfig"

    @property
    def audit_log(self) -> Path:
        """What the operator's account asked of the API server, as JSON lines."""
        return self.node_dir / "audit.log"

    @property
    def kubectl_cache(self) -> Path:
        """Where kubectl keeps what it learns of the API."""
        return self.state_dir / "kubectl-cache"

    @property
    def client_dir(self) -> Path:
        """Certificates and address for a Kafka client on the host."""
        return self.state_dir / "client"

    @property
    def containerd_socket(self) -> Path:
        """Where containerd listens; a socket's path has at most 107 characters."""
        return self.node_dir / "containerd.sock"

    @property
    def cgroup(self) -> str:
        """The name of its cgroup in every hierarchy."""
        return f"catdog-{self.number}"

    @property
    def link(self) -> str:
        """The host's end of the link to the node."""
        return f"catdog{self.number}"

    @property
    def network(self) -> ipaddress.IPv4Network:
        """All of its addresses."""
        return ipaddress.IPv4Network((f"10.97.{self.number * 4}.0", 22))

    @property
    def link_network(self) -> ipaddress.IPv4Network:
        """The two ends of the link between host and node."""
        return ipaddress.IPv4Network((self.network[0], 30))

    @property
    def pod_network(self) -> ipaddress.IPv4Network:
        """The pods' addresses."""
        return ipaddress.IPv4Network((self.network[512], 23))

    @property
    def service_network(self) -> ipaddress.IPv4Network:
        """The Services' addresses."""
        return ipaddress.IPv4Network((self.network[256], 24))

    @property
    def host_address(self) -> str:
        """The host's end of the link."""
        return str(self.link_network[1])

    @property
    def node_address(self) -> str:
        """The node's end of the link: the address of the node, of the API server and of the DNS server."""
        return str(self.link_network[2])

    @property
    def kubernetes_address(self) -> str:
        """The address of the Service `kubernetes`."""
        return str(self.service_network[1])

    @property
    def api_server(self) -> str:
        """The API server's URL."""
        return f"https://{self.node_address}:6443"

    @property
    def dns_ready(self) -> str:
        """Where the DNS server says that it knows the cluster's names."""
        return f"http://{self.node_address}:8181/ready"
