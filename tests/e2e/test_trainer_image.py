"""The checks that need TensorFlow, run where it is: in a pod of the trainer's image, as an odd user."""

import json
from pathlib import Path

import pytest

from tests.cluster.instance import Instance
from tests.e2e.models import NAMESPACE

CHECKS = sorted((Path(__file__).parents[1] / "trainer").glob("check_*.py"))
# What the others check, tests with trainers in Jobs have a sample of: faults, and networks as a whole.
QUICK = ("check_head", "check_training")
POD = "trainer-checks"


@pytest.mark.parametrize(
    "all_of_them", [False, pytest.param(True, marks=pytest.mark.soak)], ids=["some", "all"]
)
@pytest.mark.parametrize(
    "checks",
    [
        pytest.param(each, id=each.stem, marks=[] if each.stem in QUICK else pytest.mark.soak)
        for each in CHECKS
    ],
)
def test_whole_trainings_hold_their_promises_in_the_trainers_image(
    cluster: Instance, checks: Path, *, all_of_them: bool
) -> None:
    _remove(cluster)
    cluster.kubectl("create", "configmap", POD, "-n", NAMESPACE, f"--from-file={checks}")
    pod = build_pod(cluster.images["catdog-trainer"], checks.stem, all_of_them=all_of_them)
    cluster.kubectl("apply", "-f", "-", input=json.dumps(pod))
    exit_code = "{.status.containerStatuses[0].state.terminated.exitCode}"
    wait_for = (f"--for=jsonpath={exit_code}", "--timeout=900s")
    cluster.kubectl("wait", "pod", POD, "-n", NAMESPACE, *wait_for)
    ended_with = cluster.kubectl("get", "pod", POD, "-n", NAMESPACE, "-o", f"jsonpath={exit_code}")
    assert ended_with == "0", cluster.kubectl("logs", POD, "-n", NAMESPACE)
    _remove(cluster)


def build_pod(image: str, checks: str = "check_training", *, all_of_them: bool = False) -> dict[str, object]:
    """Return a restricted pod that runs the checks of a module on an emptyDir, perhaps the soak's too."""
    container = {
        "name": "checks",
        "image": image,
        "command": ["/opt/venv/bin/python3", "-m", "unittest", "-v", checks],
        "env": [
            {"name": "PYTHONPATH", "value": "/opt/catdog:/checks"},
            {"name": "CATDOG_SOAK", "value": "yes" if all_of_them else ""},
            *({"name": name, "value": "/tmp"} for name in ("HOME", "TMPDIR", "MPLCONFIGDIR", "KERAS_HOME")),  # noqa: S108
        ],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "resources": {"requests": {"cpu": "100m", "memory": "1Gi"}},
        "volumeMounts": [
            {"name": "checks", "mountPath": "/checks"},
            {"name": "scratch", "mountPath": "/tmp"},  # noqa: S108
        ],
    }
    security = {
        "runAsNonRoot": True,
        "runAsUser": 123456,
        "fsGroup": 123456,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": POD, "namespace": NAMESPACE},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "securityContext": security,
            "containers": [container],
            "volumes": [
                {"name": "checks", "configMap": {"name": POD}},
                {"name": "scratch", "emptyDir": {"sizeLimit": "2Gi"}},
            ],
        },
    }


def _remove(cluster: Instance) -> None:
    for kind in ("pod", "configmap"):
        cluster.kubectl("delete", kind, POD, "-n", NAMESPACE, "--ignore-not-found", "--wait")
