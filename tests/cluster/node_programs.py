"""The node's programs and their command lines; they run in the node's directory."""

import sys
from pathlib import Path

from tests.cluster.layout import Layout
from tests.cluster.node_config import NODE
from tests.cluster.node_spec import Program

# Controllers that clean up and grant rights: without them nothing that was deleted goes. Those that make pods
# and move them on are missing: on an API server without a node a test is in their place.
_CONTROLLERS_WITHOUT_NODE = (
    "clusterrole-aggregation-controller",
    "garbage-collector-controller",
    "namespace-controller",
    "persistentvolumeclaim-protection-controller",
    "resourcequota-controller",
    "serviceaccount-controller",
)


def api_server_programs(layout: Layout, kubernetes: Path) -> list[Program]:
    """Return what makes an API server without a node, in the order in which it starts."""
    controllers = ",".join(_CONTROLLERS_WITHOUT_NODE)
    return [
        Program("etcd", _etcd(), needs_api=False),
        Program("kube-apiserver", _apiserver(layout, kubernetes), needs_api=False),
        Program("kube-controller-manager", _controller_manager(layout, kubernetes, controllers)),
    ]


def node_programs(layout: Layout, kubernetes: Path, coredns: Path) -> list[Program]:
    """Return what makes a node, in the order in which it starts."""
    return [
        Program("etcd", _etcd(), needs_api=False),
        Program("kube-apiserver", _apiserver(layout, kubernetes), needs_api=False),
        Program("containerd", _containerd(), needs_api=False),
        Program("kube-controller-manager", _controller_manager(layout, kubernetes)),
        Program("kube-scheduler", _scheduler(kubernetes)),
        Program("kubelet", _kubelet(layout, kubernetes)),
        Program("kube-proxy", _proxy(kubernetes)),
        Program("coredns", _coredns(coredns)),
        Program("volumes", _volumes(layout, kubernetes), env={"KUBECACHEDIR": str(layout.kubectl_cache)}),
    ]


def _etcd() -> list[str]:
    return [
        "etcd",
        "--data-dir=etcd",
        "--unsafe-no-fsync",  # this cluster is thrown away
        "--listen-client-urls=http://127.0.0.1:2379",
        "--advertise-client-urls=http://127.0.0.1:2379",
        "--listen-peer-urls=http://127.0.0.1:2380",
        "--logger=zap",
        "--log-level=warn",
    ]


def _apiserver(layout: Layout, programs: Path) -> list[str]:
    options = {
        "audit-log-maxsize": "10000",  # in MB: this cluster is thrown away before
        "audit-log-path": str(layout.audit_log),
        "audit-policy-file": "audit-policy.yaml",
        "advertise-address": layout.node_address,  # so that the Service `kubernetes` works from pods
        "authorization-mode": "Node,RBAC",
        "client-ca-file": "pki/ca.crt",
        "enable-admission-plugins": "NodeRestriction",
        "etcd-servers": "http://127.0.0.1:2379",
        "kubelet-certificate-authority": "pki/ca.crt",
        "kubelet-client-certificate": "pki/apiserver-kubelet.crt",
        "kubelet-client-key": "pki/apiserver-kubelet.key",
        "kubelet-preferred-address-types": "InternalIP",
        "proxy-client-cert-file": "pki/front-proxy.crt",
        "proxy-client-key-file": "pki/front-proxy.key",
        "requestheader-allowed-names": "front-proxy",
        "requestheader-client-ca-file": "pki/front-proxy-ca.crt",
        "requestheader-extra-headers-prefix": "X-Remote-Extra-",
        "requestheader-group-headers": "X-Remote-Group",
        "requestheader-username-headers": "X-Remote-User",
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-account-key-file": "pki/service-accounts.crt",
        "service-account-signing-key-file": "pki/service-accounts.key",
        "service-cluster-ip-range": str(layout.service_network),
        "tls-cert-file": "pki/apiserver.crt",
        "tls-private-key-file": "pki/apiserver.key",
    }
    return _command(programs / "kube-apiserver", options)


def _controller_manager(layout: Layout, programs: Path, controllers: str = "*") -> list[str]:
    options = {
        "controllers": controllers,
        "cluster-signing-cert-file": "pki/ca.crt",
        "cluster-signing-key-file": "pki/ca.key",
        "kube-api-burst": "400",  # nobody else asks this API server
        "kube-api-qps": "200",
        # An autoscaler looks every two seconds, instead of every fifteen.
        "horizontal-pod-autoscaler-sync-period": "2s",
        "kubeconfig": "controller-manager.kubeconfig",
        "leader-elect": "false",
        "root-ca-file": "pki/ca.crt",
        "service-account-private-key-file": "pki/service-accounts.key",
        "service-cluster-ip-range": str(layout.service_network),
        "use-service-account-credentials": "true",
    }
    return _command(programs / "kube-controller-manager", options)


def _scheduler(programs: Path) -> list[str]:
    return _command(
        programs / "kube-scheduler", {"kubeconfig": "scheduler.kubeconfig", "leader-elect": "false"}
    )


def _kubelet(layout: Layout, programs: Path) -> list[str]:
    options = {
        "cert-dir": "kubelet-pki",
        "config": "kubelet.yaml",
        "hostname-override": NODE,
        "kubeconfig": "kubelet.kubeconfig",
        "node-ip": layout.node_address,
        "root-dir": str(layout.node_dir / "kubelet"),
    }
    return _command(programs / "kubelet", options)


def _proxy(programs: Path) -> list[str]:
    return _command(programs / "kube-proxy", {"config": "proxy.yaml", "hostname-override": NODE})


def _coredns(programs: Path) -> list[str]:
    return [str(programs / "coredns"), "-conf", "Corefile"]


def _volumes(layout: Layout, programs: Path) -> list[str]:
    options = {
        "kubectl": str(programs / "kubectl"),
        "kubeconfig": str(layout.kubeconfig),
        "directory": str(layout.volumes_dir),
    }
    return [sys.executable, *("-m", "tests.cluster.volumes"), *_options(options)]


def _containerd() -> list[str]:
    return ["containerd", "--config", "containerd.toml", "--log-level", "warn"]


def _command(program: Path, options: dict[str, str]) -> list[str]:
    return [str(program), *_options(options)]


def _options(options: dict[str, str]) -> list[str]:
    return [f"--{name}={value}" for name, value in options.items()]
