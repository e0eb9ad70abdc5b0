"""A registry of images on this machine: Debian's docker-registry, over plain HTTP."""

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from tests.cluster.cache import default_cache
from tests.cluster.operator_process import free_port
from tests.cluster.packages import install_packages
from tests.cluster.waiting import await_answer

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


class Registry(NamedTuple):
    """Where it is, as images' names begin."""

    address: str

    def read(self, reference: str, media_type: str) -> dict[str, Any]:
        """Return what is stored under a name with a digest, which has to be that of its bytes."""
        name, digest = reference.removeprefix(f"{self.address}/").split("@")
        body = self._get(f"{name}/manifests/{digest}", media_type)
        assert f"sha256:{sha256(body).hexdigest()}" == digest
        read: dict[str, Any] = json.loads(body)
        return read

    def config(self, reference: str) -> dict[str, Any]:
        """Return the configuration of an image: its architecture, labels and so on."""
        name = reference.removeprefix(f"{self.address}/").split("@")[0]
        digest = self.read(reference, MANIFEST)["config"]["digest"]
        read: dict[str, Any] = json.loads(self._get(f"{name}/blobs/{digest}", "*/*"))
        return read

    def _get(self, path: str, media_type: str) -> bytes:
        asked = urllib.request.Request(f"http://{self.address}/v2/{path}", headers={"Accept": media_type})
        with urllib.request.urlopen(asked, timeout=30) as answer:  # noqa: S310 - it is the test's own
            body: bytes = answer.read()
        return body


@contextmanager
def registry(directory: Path) -> Iterator[Registry]:
    """Run a registry that keeps its images in a directory, and have buildah reach it without TLS."""
    install_packages(default_cache(), ("docker-registry",))
    address = f"127.0.0.1:{free_port()}"
    configuration = {
        "version": 0.1,
        "log": {"level": "warn"},
        "storage": {"filesystem": {"rootdirectory": str(directory / "images")}},
        "http": {"addr": address},
    }
    (directory / "config.yml").write_text(yaml.safe_dump(configuration))
    (directory / "registries.conf").write_text(f'[[registry]]\nlocation = "{address}"\ninsecure = true\n')
    with (directory / "log").open("w") as log, pytest.MonkeyPatch.context() as environment:
        environment.setenv("CONTAINERS_REGISTRIES_CONF", str(directory / "registries.conf"))
        serve = ("docker-registry", "serve", directory / "config.yml")
        process = subprocess.Popen(serve, stdout=log, stderr=log)
        try:
            await_answer(f"http://{address}/v2/", 60)
            yield Registry(address)
        finally:
            process.terminate()
            process.wait(30)
