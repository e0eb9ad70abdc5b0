"""Claims that are bound to their volumes at once, so that a test can lay photos on them before any pod."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.cluster.commands import CommandError
from tests.cluster.instance import Instance
from tests.e2e.models import NAMESPACE
from tests.tiny_version import publish_tiny_version

SAMPLE_HASH = "572360246d"  # of settings that name the sample and nothing else; no release may change it


def make_claim(
    cluster: Instance,
    name: str,
    fill: Callable[[Path], object] | None = None,
    mode: str = "ReadWriteOnce",
    namespace: str = NAMESPACE,
) -> Path:
    """Create a claim on a free volume, filled before anyone can see it; return its directory on the host."""
    volume = _take_volume(cluster, mode, name, namespace)
    directory = Path(volume["spec"]["local"]["path"])
    if fill:
        fill(directory)
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "accessModes": volume["spec"]["accessModes"],
            "resources": {"requests": {"storage": "1Gi"}},
            "storageClassName": volume["spec"]["storageClassName"],
            "volumeName": volume["metadata"]["name"],
        },
    }
    cluster.kubectl("apply", "-f", "-", input=json.dumps(claim))
    bound = "--for=jsonpath={.status.phase}=Bound"
    cluster.kubectl("wait", "pvc", name, "-n", namespace, bound, "--timeout=240s")
    return directory


def reserve_claim(
    cluster: Instance, name: str, fill: Callable[[Path], object], namespace: str = NAMESPACE
) -> None:
    """Keep a free volume, filled, for a claim that somebody else will make."""
    volume = _take_volume(cluster, "ReadWriteOnce", name, namespace)
    fill(Path(volume["spec"]["local"]["path"]))


def _take_volume(cluster: Instance, mode: str, claim: str, namespace: str) -> dict[str, Any]:
    """Return a volume that was free; from here on it is for this claim, and no pod's is bound to it."""
    volumes: list[dict[str, Any]] = json.loads(cluster.kubectl("get", "pv", "-o", "json"))["items"]
    reference = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": namespace, "name": claim}
    for volume in volumes:
        if is_free(volume, mode) and _reserve(cluster, volume, reference):
            return volume
    raise LookupError(f"no {mode} volume is free")


def _reserve(cluster: Instance, volume: dict[str, Any], claim: dict[str, str]) -> bool:
    """Return whether the volume was still as it was seen: another claim may have got it since."""
    seen = {"resourceVersion": volume["metadata"]["resourceVersion"]}
    patch = json.dumps({"metadata": seen, "spec": {"claimRef": claim}})
    try:
        cluster.kubectl("patch", "pv", volume["metadata"]["name"], "--type=merge", "-p", patch)
    except CommandError as error:
        if "the object has been modified" in str(error):
            return False
        raise
    return True


def is_free(volume: dict[str, Any], mode: str) -> bool:
    """Whether a claim with this access mode can have a volume."""
    spec = volume["spec"]
    return (
        volume["status"].get("phase") == "Available"
        and "claimRef" not in spec
        and mode in spec["accessModes"]
    )


def claim_with_versions(cluster: Instance, name: str, *models: str, namespace: str = NAMESPACE) -> None:
    """Create a claim on which version 1 of each model is, as if it had been trained on the sample."""

    def publish(directory: Path) -> None:
        for model in models:
            publish_tiny_version(directory, model, training_hash=SAMPLE_HASH)
        for path in directory.rglob("*"):
            path.chmod(0o2775 if path.is_dir() else 0o664)  # what pods of one claim share is the group

    make_claim(cluster, name, fill=publish, namespace=namespace)


def served_from(claim: str, kafka: dict[str, Any]) -> dict[str, Any]:
    """Return the spec of a model whose version 1 is on the claim."""
    dataset: dict[str, Any] = {"sample": {}}
    return {"training": {"dataset": dataset}, "storage": {"existingClaim": claim}, "kafka": kafka}
