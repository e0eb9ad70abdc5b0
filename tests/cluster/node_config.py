"""What each program of the node is told: files and command lines, and why where it is not obvious."""

import json

import yaml

from tests.cluster.audit import CONSOLE_USER, NAMESPACED_USER, OPERATOR_USER
from tests.cluster.layout import Layout
from tests.cluster.pki import issue, make_authority, write_kubeconfig

NODE = "node"
NAMESPACE = "kafka"  # that of a kubeconfig's context

_CLIENTS = {
    "admin": ("admin", ["system:masters"]),
    "controller-manager": ("system:kube-controller-manager", []),
    "scheduler": ("system:kube-scheduler", []),
    "proxy": ("system:kube-proxy", []),
    "coredns": ("coredns", ["system:masters"]),
    "kubelet": (f"system:node:{NODE}", ["system:nodes"]),
}


def write_control_plane_config(layout: Layout) -> None:
    """Write the files that the API server, its controllers and its clients read."""
    (layout.node_dir / "pki").mkdir(parents=True)
    _write_pki(layout)
    _write_audit_policy(layout)


def write_node_config(layout: Layout, pause_image: str) -> None:
    """Write the files that the node's own programs read."""
    _write_containerd(layout, pause_image)
    _write_network(layout)
    _write_kubelet(layout)
    _write_proxy(layout)
    _write_coredns(layout)


def _write_pki(layout: Layout) -> None:
    pki = layout.node_dir / "pki"
    authority, front_proxy = make_authority("catdog-ca"), make_authority("catdog-front-proxy-ca")
    hosts = [
        "localhost",
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
        "127.0.0.1",
        layout.kubernetes_address,
        layout.node_address,
    ]
    authority.write(pki, "ca")
    front_proxy.write(pki, "front-proxy-ca")
    issue(authority, "kube-apiserver", hosts=hosts).write(pki, "apiserver")
    issue(authority, "apiserver-kubelet", groups=["system:masters"]).write(pki, "apiserver-kubelet")
    issue(authority, NODE, hosts=[NODE, layout.node_address]).write(pki, "kubelet")
    issue(front_proxy, "front-proxy").write(pki, "front-proxy")
    make_authority("service-accounts").write(pki, "service-accounts")
    for file, (name, groups) in _CLIENTS.items():
        user = issue(authority, name, groups=groups)
        path = layout.node_dir / f"{file}.kubeconfig"
        write_kubeconfig(path, layout.api_server, authority, user, NAMESPACE)
    (layout.node_dir / "admin.kubeconfig").rename(layout.kubeconfig)


def _write_audit_policy(layout: Layout) -> None:
    users = [OPERATOR_USER, NAMESPACED_USER, CONSOLE_USER]
    policy = {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [{"level": "Metadata", "users": users}, {"level": "None"}],
    }
    (layout.node_dir / "audit-policy.yaml").write_text(yaml.safe_dump(policy))


def _write_containerd(layout: Layout, pause_image: str) -> None:
    (layout.node_dir / "containerd.toml").write_text(f"""
version = 2
root = "{layout.containerd_dir}"
state = "/run/containerd"
[grpc]
  address = "{layout.containerd_socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause_image}"
  # Without CAP_SYS_RESOURCE runc dies of a score below its own.
  restrict_oom_score_adj = true
  # A profile would be loaded into the host's kernel, and stay there.
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{layout.node_dir}/cni"
""")


def _write_network(layout: Layout) -> None:
    (layout.node_dir / "cni").mkdir()
    # Every pod has a link of its own to the node, and no bridge lets answers pass by kube-proxy's rules.
    link = {
        "type": "ptp",
        "ipam": {
            "type": "host-local",
            "dataDir": "/run/cni-addresses",
            "ranges": [[{"subnet": str(layout.pod_network)}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    network = {"cniVersion": "0.4.0", "name": "catdog", "plugins": [link]}
    (layout.node_dir / "cni" / "10-catdog.conflist").write_text(json.dumps(network))


def _write_kubelet(layout: Layout) -> None:
    node = layout.node_dir
    (node / "resolv.conf").write_text(f"nameserver {layout.node_address}\n")
    config = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(node / "pki" / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{layout.cgroup}",
        "clusterDNS": [layout.node_address],
        "clusterDomain": "cluster.local",
        "containerRuntimeEndpoint": f"unix://{layout.containerd_socket}",
        # A crash loop goes on soon after its cause has gone, instead of within five minutes.
        "crashLoopBackOff": {"maxContainerRestartPeriod": "10s"},
        "featureGates": {"KubeletCrashLoopBackOffMax": True},
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1Gi", "imagefs.available": "1Gi"},
        "failCgroupV1": False,
        "failSwapOn": False,
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "podLogsDir": "/var/log/pods",
        "registerWithTaints": [],
        "resolvConf": str(node / "resolv.conf"),
        # A Secret that changed is in its pods within seconds, instead of within a minute and a half.
        "syncFrequency": "10s",
        "tlsCertFile": str(node / "pki" / "kubelet.crt"),
        "tlsPrivateKeyFile": str(node / "pki" / "kubelet.key"),
        "volumePluginDir": str(node / "volume-plugins"),
    }
    (node / "kubelet.yaml").write_text(yaml.safe_dump(config))


def _write_proxy(layout: Layout) -> None:
    config = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": str(layout.node_dir / "proxy.kubeconfig")},
        "clusterCIDR": str(layout.pod_network),
        # The kernel's own limits are the host's, and may not be written to from here.
        "conntrack": {"maxPerCore": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        "mode": "iptables",
        "iptables": {"minSyncPeriod": "100ms"},
    }
    (layout.node_dir / "proxy.yaml").write_text(yaml.safe_dump(config))


def _write_coredns(layout: Layout) -> None:
    (layout.node_dir / "Corefile").write_text(f"""
.:53 {{
  bind {layout.node_address}
  errors
  ready {layout.node_address}:8181
  kubernetes cluster.local in-addr.arpa {{
    kubeconfig {layout.node_dir}/coredns.kubeconfig
    ttl 1
    fallthrough in-addr.arpa
  }}
  # The node is on no other network: what is not in the cluster does not exist.
  template ANY ANY {{
    rcode NXDOMAIN
  }}
}}
""")
