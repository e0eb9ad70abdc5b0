"""The node's storage: directories as `local` PersistentVolumes, always some that are free.

A claim that is deleted leaves its volume Released, which nobody can claim again: an empty one replaces it.
"""

import argparse
import json
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cluster.cache import remove
from tests.cluster.commands import run
from tests.cluster.node_config import NODE

Manifest = dict[str, Any]

STORAGE_CLASS = "local"

_FREE_VOLUMES = {"ReadWriteOnce": 48, "ReadWriteMany": 8}
_SIZE = "10Gi"


@dataclass
class Volumes:
    """The volumes of a node, in the directory `root`."""

    kubectl: tuple[str, ...]
    root: Path

    def provide(self) -> None:
        """Make the storage class and the volumes, and replace those that were released, without end."""
        modes = [mode for mode, count in _FREE_VOLUMES.items() for _ in range(count)]
        self._apply(build_storage_class(), *map(self._lay_out, modes))
        for volume in self._released():
            self._replace(volume)

    def _lay_out(self, mode: str) -> Manifest:
        """Make the directory of a volume, and return the volume."""
        name = f"{'once' if mode == 'ReadWriteOnce' else 'many'}-{uuid.uuid4().hex[:8]}"
        directory = self.root / name
        directory.mkdir(parents=True)
        # Pods run under any user of group 0, as on OpenShift; what they make belongs to that group.
        directory.chmod(0o2775)
        return build_volume(name, mode, directory)

    def _replace(self, volume: Manifest) -> None:
        remove(Path(volume["spec"]["local"]["path"]))
        run(*self.kubectl, "delete", "persistentvolume", volume["metadata"]["name"], "--ignore-not-found")
        self._apply(self._lay_out(volume["spec"]["accessModes"][0]))

    def _released(self) -> Iterator[Manifest]:
        seen: set[str] = set()
        watch = [*self.kubectl, "get", "persistentvolumes", "--watch", "--output=json"]
        with subprocess.Popen(watch, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for volume in parse_stream(process.stdout):
                if (
                    volume.get("status", {}).get("phase") == "Released"
                    and volume["metadata"]["name"] not in seen
                ):
                    seen.add(volume["metadata"]["name"])
                    yield volume

    def _apply(self, *manifests: Manifest) -> None:
        together = {"apiVersion": "v1", "kind": "List", "items": manifests}
        run(*self.kubectl, "apply", "-f", "-", stdin=json.dumps(together))


def build_storage_class() -> Manifest:
    """Return the default storage class."""
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": STORAGE_CLASS,
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": "kubernetes.io/no-provisioner",
        "volumeBindingMode": "WaitForFirstConsumer",
    }


def build_volume(name: str, mode: str, directory: Path) -> Manifest:
    """Return a volume on a directory of the node."""
    here = {"key": "kubernetes.io/hostname", "operator": "In", "values": [NODE]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": _SIZE},
            "accessModes": [mode],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": STORAGE_CLASS,
            "local": {"path": str(directory)},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
        },
    }


def parse_stream(lines: Iterator[str]) -> Iterator[Manifest]:
    """Yield the objects of a stream of indented JSON, each as soon as it is whole."""
    text = ""
    for line in lines:
        text += line
        if line.rstrip() == "}":  # only the end of an object is not indented
            yield json.loads(text)
            text = ""


def main() -> None:
    """Provide a node's volumes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kubectl", required=True)
    parser.add_argument("--kubeconfig", required=True)
    parser.add_argument("--directory", required=True, type=Path)
    options = parser.parse_args()
    Volumes((options.kubectl, "--kubeconfig", options.kubeconfig), options.directory).provide()


if __name__ == "__main__":
    main()
