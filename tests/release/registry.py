"""A registry of images on this machine: Debian's docker-registry, with a certificate of a CA of its own."""

import json
import ssl
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from tests.cluster.buildah import certificate_bundle
from tests.cluster.cache import default_cache
from tests.cluster.operator_process import free_port
from tests.cluster.packages import install_packages
from tests.cluster.pki import issue, make_authority
from tests.cluster.waiting import PATIENCE_SECONDS, await_answer

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_TLS = (("certificate", "crt"), ("key", "key"))


class Registry(NamedTuple):
    """Where it is, as images' names begin, and whom to trust."""

    address: str
    authorities: Path

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
        asked = urllib.request.Request(f"https://{self.address}/v2/{path}", headers={"Accept": media_type})
        trusted = ssl.create_default_context(cafile=str(self.authorities))
        with urllib.request.urlopen(asked, timeout=PATIENCE_SECONDS, context=trusted) as answer:  # noqa: S310
            body: bytes = answer.read()
        return body


@contextmanager
def registry(directory: Path) -> Iterator[Registry]:
    """Run a registry that keeps its images in a directory, and have this process's programs trust it."""
    install_packages(default_cache(), ("docker-registry",))
    address, authorities = f"127.0.0.1:{free_port()}", directory / "authorities.pem"
    _write_certificates(directory, authorities)
    configuration = {
        "version": 0.1,
        "log": {"level": "warn"},
        "storage": {"filesystem": {"rootdirectory": str(directory / "images")}},
        "http": {"addr": address, "tls": {kind: str(directory / f"registry.{end}") for kind, end in _TLS}},
    }
    (directory / "config.yml").write_text(yaml.safe_dump(configuration))
    with (directory / "log").open("w") as log, pytest.MonkeyPatch.context() as environment:
        environment.setenv("SSL_CERT_FILE", str(authorities))
        serve = ("docker-registry", "serve", directory / "config.yml")
        process = subprocess.Popen(serve, stdout=log, stderr=log)
        try:
            await_answer(f"https://{address}/v2/", PATIENCE_SECONDS, authorities)
            yield Registry(address, authorities)
        finally:
            process.terminate()
            process.wait(PATIENCE_SECONDS)


def _write_certificates(directory: Path, authorities: Path) -> None:
    authority = make_authority("authority of the registry")
    issue(authority, "registry", hosts=["127.0.0.1"]).write(directory, "registry")
    # Beside those that the machine trusts, as builds reach others too.
    others = certificate_bundle()
    authorities.write_bytes((others.read_bytes() if others else b"") + authority.certificate_pem)
