"""The local cluster itself: a node, without Kafka and without the operator."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.instance import Instance, down, up
from tests.e2e.host_state import State, host_state, of_cluster, of_no_cluster, other_processes
from tests.e2e.processes import processes_of
from tests.lanes import instance_name

NAME = f"{instance_name()}-node"
NAMESPACE = "node-test"
NAMESPACE_MANIFEST = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {"name": NAMESPACE, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
}
# A pod's resolver, and the way to a Service, are told by nobody that their servers are there.
RESOLVE = (
    "import socket, time\n"
    "while True:\n"
    "    try: print(socket.gethostbyname('kubernetes.default.svc')); break\n"
    "    except socket.gaierror: time.sleep(0.1)\n"
)
# What a node adds to its host, named after its number or not; other clusters may come and go meanwhile.
NUMBERED_KINDS = {"links", "addresses", "routes", "cgroups"}
ADDED_KINDS = {"processes", "namespaces", *NUMBERED_KINDS}
QUIET_KINDS = {"mounts", "rules", *NUMBERED_KINDS}


@pytest.fixture
def node() -> Instance:
    """Return a node with a namespace that enforces the restricted profile."""
    instance = up(NAME, with_kafka=False, with_operator=False)
    make_namespace(instance)
    return instance


@pytest.fixture(scope="module", autouse=True)
def _down_at_the_end() -> Iterator[None]:
    yield
    down(NAME)


def test_a_restricted_pod_finds_a_service_by_its_name(node: Instance) -> None:
    assert run_pod(node, "resolves", RESOLVE) == node.layout.kubernetes_address


def test_a_pod_reaches_the_api_server_by_its_service(node: Instance) -> None:
    script = (
        "import ssl, time, urllib.request as request\n"
        "context, url = ssl._create_unverified_context(), 'https://kubernetes.default.svc/readyz'\n"
        "while True:\n"
        "    try: print(request.urlopen(url, timeout=10, context=context).read().decode()); break\n"
        "    except OSError: time.sleep(0.1)\n"
    )
    assert run_pod(node, "asks", script) == "ok"


def test_a_name_that_is_not_in_the_cluster_does_not_exist(node: Instance) -> None:
    script = (
        "import socket\n"
        "while True:\n"
        "    try: print(socket.gethostbyname('no-such-host.example')); break\n"
        "    except socket.gaierror as error:\n"
        "        if error.errno != socket.EAI_AGAIN: print(error.strerror); break\n"
    )
    assert run_pod(node, "looks", script) == "Name or service not known"


def test_what_a_pod_writes_on_a_claim_is_found_on_the_host(node: Instance) -> None:
    claim(node, "notes")
    run_pod(node, "writes", "open('/claim/note', 'w').write('miaow')", claim="notes")
    assert (node.claim_path(NAMESPACE, "notes") / "note").read_text() == "miaow"


def test_the_volume_of_a_deleted_claim_is_replaced_by_an_empty_one(node: Instance) -> None:
    claim(node, "gone")
    run_pod(node, "fills", "open('/claim/note', 'w').write('miaow')", claim="gone")
    directory = node.claim_path(NAMESPACE, "gone")
    node.kubectl("delete", "pvc/gone", "-n", NAMESPACE)
    node.kubectl("wait", f"pv/{directory.name}", "--for=delete", "--timeout=240s")
    assert not directory.exists()


def test_up_finds_the_node_that_is_up(node: Instance) -> None:
    assert up(NAME, with_kafka=False, with_operator=False).known.processes == node.known.processes


@pytest.mark.soak  # the lanes of `make test` do
def test_two_clusters_stand_side_by_side(node: Instance) -> None:
    other = up(f"{NAME}-2", with_kafka=False, with_operator=False)
    try:
        assert not other.layout.network.overlaps(node.layout.network)
        assert uid_of_node(other) != uid_of_node(node)
    finally:
        down(other.name)
    assert uid_of_node(node)


def test_a_program_that_died_is_started_again(node: Instance) -> None:
    before = processes_of(node, "coredns")
    os.kill(before[0], signal.SIGKILL)
    assert run_pod(node, "waits", RESOLVE) == node.layout.kubernetes_address
    assert len(processes_of(node, "coredns")) == 1
    assert processes_of(node, "coredns") != before


def test_the_persons_kubeconfig_is_neither_read_nor_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, node: Instance
) -> None:
    own = tmp_path / ".kube" / "config"
    own.parent.mkdir()
    own.write_text("this is no kubeconfig\n")
    for name, value in {"CATDOG_CACHE": node.cache.root, "HOME": tmp_path, "KUBECONFIG": own}.items():
        monkeypatch.setenv(name, str(value))
    up(NAME, with_kafka=False, with_operator=False).kubectl("get", "nodes")
    assert [path.name for path in tmp_path.rglob("*")] == [".kube", "config"]
    assert own.read_text() == "this is no kubeconfig\n"


@pytest.mark.parametrize(
    "end", ["in good order", pytest.param("after kill -9 of the supervisor", marks=pytest.mark.soak)]
)
def test_down_leaves_nothing_on_the_host(end: str) -> None:
    down(NAME)
    others = other_processes()
    before = host_state(others)
    node = up(NAME, with_kafka=False, with_operator=False)
    make_namespace(node)
    run_pod(node, "lives", "print('alive')")
    added = added_by(node, host_state(others), before)
    assert {kind for kind, things in added.items() if things} == ADDED_KINDS
    if end.startswith("after kill -9"):
        assert node.known.processes is not None
        os.kill(node.known.processes.supervisor, signal.SIGKILL)
    down(NAME)
    after = host_state(others)
    assert {kind: things & after[kind] for kind, things in added.items() if things & after[kind]} == {}
    assert {kind: of_no_cluster(after[kind]) for kind in QUIET_KINDS} == {
        kind: of_no_cluster(before[kind]) for kind in QUIET_KINDS
    }


def test_down_is_content_where_nothing_is_up() -> None:
    down("never-was-up")


def apply(node: Instance, manifest: dict[str, Any]) -> None:
    node.kubectl("apply", "-f", "-", input=json.dumps(manifest))


def make_namespace(node: Instance) -> None:
    """Make a namespace that enforces the restricted profile, and await that pods can be made in it."""
    apply(node, NAMESPACE_MANIFEST)
    node.kubectl("wait", "serviceaccount/default", "-n", NAMESPACE, "--for=create", "--timeout=240s")


def claim(node: Instance, name: str) -> None:
    """Claim a volume; it is bound when a pod uses it."""
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    metadata = {"name": name, "namespace": NAMESPACE}
    apply(node, {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec})


def run_pod(node: Instance, name: str, script: str, claim: str | None = None) -> str:
    """Run a Python script in a pod that the restricted profile admits; return what it printed."""
    container = {
        "name": "python",
        "image": node.images["catdog-base"],
        "command": ["python3", "-c", script],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [{"name": "claim", "mountPath": "/claim"}] if claim else [],
    }
    volume = {"name": "claim", "persistentVolumeClaim": {"claimName": claim}}
    spec = {
        "restartPolicy": "Never",
        "securityContext": {
            "runAsUser": 1001,
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [volume] if claim else [],
    }
    metadata = {"name": name, "namespace": NAMESPACE}
    apply(node, {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    succeeded = "--for=jsonpath={.status.phase}=Succeeded"
    node.kubectl("wait", f"pod/{name}", "-n", NAMESPACE, succeeded, "--timeout=240s")
    printed = node.kubectl("logs", name, "-n", NAMESPACE).strip()
    node.kubectl("delete", f"pod/{name}", "-n", NAMESPACE)
    return printed


def uid_of_node(node: Instance) -> str:
    return node.kubectl("get", "nodes", "-o", "jsonpath={.items[*].metadata.uid}")


def added_by(node: Instance, now: State, before: State) -> State:
    """Return what came since, without what came with other clusters."""
    added = {kind: now[kind] - before[kind] for kind in now}
    number = node.known.number
    return added | {kind: of_cluster(number, added[kind]) for kind in NUMBERED_KINDS}
