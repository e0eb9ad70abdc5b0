"""A pod as the tests run one by themselves."""

import json
from typing import Any

from tests.cluster.instance import Instance
from tests.e2e.models import NAMESPACE


def run_to_end(cluster: Instance, name: str, spec: dict[str, Any]) -> str:
    """Run a pod of one container until it has succeeded; return its termination message.

    Raises:
        AssertionError: it failed; the message has its log.
    """
    cluster.kubectl("delete", "pod", name, "-n", NAMESPACE, "--ignore-not-found", "--wait")
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": spec,
    }
    cluster.kubectl("apply", "-f", "-", input=json.dumps(pod))
    ended = "{.status.containerStatuses[0].state.terminated}"
    cluster.kubectl("wait", "pod", name, "-n", NAMESPACE, f"--for=jsonpath={ended}", "--timeout=600s")
    end = json.loads(cluster.kubectl("get", "pod", name, "-n", NAMESPACE, "-o", f"jsonpath={ended}"))
    assert end["exitCode"] == 0, cluster.kubectl("logs", name, "-n", NAMESPACE)
    cluster.kubectl("delete", "pod", name, "-n", NAMESPACE)
    return str(end["message"])
