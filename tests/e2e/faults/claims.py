"""Volumes that wait for a model's claim with versions on them, so that a life need not train."""

import shutil
from pathlib import Path

from tests.cluster.strimzi.kube import ApiError, Kube, Manifest
from tests.e2e.claims import is_free
from tests.e2e.models import NAMESPACE


async def reserve_volume(kube: Kube, model: str) -> Path:
    """Keep a free volume for the claim that the operator will make for `model`; return its directory."""
    claim = {"kind": "PersistentVolumeClaim", "namespace": NAMESPACE, "name": f"{model}-models"}
    for volume in await kube.list("PersistentVolume"):
        if is_free(volume, "ReadWriteOnce") and await _reserve(kube, volume, claim):
            return Path(volume["spec"]["local"]["path"])
    raise LookupError("no volume is free")


async def _reserve(kube: Kube, volume: Manifest, claim: Manifest) -> bool:
    """Return whether the volume was still as it was seen: another model may have taken it since."""
    seen = {"resourceVersion": volume["metadata"]["resourceVersion"]}
    try:
        await kube.merge(volume, {"metadata": seen, "spec": {"claimRef": {"apiVersion": "v1", **claim}}})
    except ApiError as error:
        if error.status == 409:
            return False
        raise
    return True


def versions_on(storage: Path) -> Path:
    """Return the directory of the versions on a claim that one model uses."""
    [directory] = storage.glob("*/versions")
    return directory


def lay_version(source: Path, storage: Path, model: str, version: int) -> None:
    """Put a version that another model trained beside those of `model`, as its trainer would have."""
    target = storage / model / "versions" / str(version)
    partial = storage / model / f"{version}.partial"
    shutil.copytree(source / str(version), partial)
    for path in (storage / model, *(storage / model).rglob("*")):
        path.chmod(0o2775 if path.is_dir() else 0o664)  # the group is what pods of one claim have in common
    target.parent.mkdir(exist_ok=True)
    target.parent.chmod(0o2775)
    partial.rename(target)
