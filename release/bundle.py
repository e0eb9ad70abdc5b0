"""Writes the OLM bundle: manifests, metadata, and the Containerfile of an image that holds both.

https://olm.operatorframework.io/docs/tech-tasks/package-format/
"""

import shutil
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from release.service_version import NAME, Manifest, Release, Rendered, build_service_version
from tests.cluster.cache import REPOSITORY, default_cache
from tests.cluster.commands import run
from tests.cluster.programs import build_kubernetes

BUNDLE = REPOSITORY / "bundle"
PLAIN = REPOSITORY / "manifests"
NAMESPACED = PLAIN / "overlays" / "namespaced"
CRD = REPOSITORY / "crds" / "catdogmodels.yaml"

_HERE = Path(__file__).parent
_SAMPLES = PLAIN / "samples"
_PREFIX = "operators.operatorframework.io.bundle"
_ANNOTATIONS = {
    f"{_PREFIX}.mediatype.v1": "registry+v1",
    f"{_PREFIX}.manifests.v1": "manifests/",
    f"{_PREFIX}.metadata.v1": "metadata/",
    f"{_PREFIX}.package.v1": NAME,
    f"{_PREFIX}.channels.v1": "candidate",
    f"{_PREFIX}.channel.default.v1": "candidate",
    # The oldest OpenShift with the Kubernetes that `minKubeVersion` names.
    "com.redhat.openshift.versions": "v4.17",
}


def product_version() -> str:
    """Return the version that pyproject.toml names."""
    version: str = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
    return version


def render(cluster_wide: Path = PLAIN, namespaced: Path = NAMESPACED) -> Rendered:
    """Return what kustomize makes of the directories of two installs.

    Raises:
        CommandError: kustomize refuses a directory.
    """
    # The form begins with the smallest sample.
    samples = sorted(_SAMPLES.glob("catdogmodel*.yaml"), key=lambda path: (len(path.stem), path.stem))
    return Rendered(
        [each for each in _kustomize(cluster_wide) if not _is_for_people(each)],
        _kustomize(namespaced),
        # kustomize sorts fields by name; a form shows them in the order that they were written in.
        yaml.safe_load(CRD.read_text()),
        [each for path in samples for each in yaml.safe_load_all(path.read_text())],
    )


def _is_for_people(manifest: Manifest) -> bool:
    """Whether it adds to Kubernetes' own roles, which OLM does by itself."""
    labels = manifest["metadata"].get("labels", {})
    return any(name.startswith("rbac.authorization.k8s.io/aggregate-to-") for name in labels)


def _kustomize(directory: Path) -> list[Manifest]:
    kubectl = shutil.which("kubectl") or build_kubernetes(default_cache()) / "kubectl"
    return list(yaml.safe_load_all(run(kubectl, "kustomize", directory)))


def write_bundle(directory: Path, rendered: Rendered, release: Release) -> None:
    """Write a bundle into a directory, in place of what is there."""
    shutil.rmtree(directory, ignore_errors=True)
    for name, text in build_bundle(rendered, release).items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def build_bundle(rendered: Rendered, release: Release) -> dict[str, str]:
    """Return a bundle's files: text by path."""
    about = yaml.safe_load((_HERE / "about.yaml").read_text())
    icon = (_HERE / "icon.svg").read_bytes()
    # A bundle's objects go into the operator's namespace, whichever that is.
    policy = rendered.find("NetworkPolicy")
    policy = {**policy, "metadata": {k: v for k, v in policy["metadata"].items() if k != "namespace"}}
    manifests = {
        f"{NAME}.clusterserviceversion.yaml": build_service_version(rendered, about, icon, release),
        "catdog.dev_catdogmodels.yaml": rendered.crd,
        "catdog-operator_networkpolicy.yaml": policy,
    }
    return {
        **{f"manifests/{name}": _dump(manifest) for name, manifest in manifests.items()},
        "metadata/annotations.yaml": _dump({"annotations": _ANNOTATIONS}),
        "Containerfile": _containerfile(release),
    }


def _containerfile(release: Release) -> str:
    labels = {**_ANNOTATIONS, "org.opencontainers.image.version": release.version}
    if release.source:
        labels["org.opencontainers.image.source"] = release.source
    lines = [f"LABEL {name}={value}" for name, value in labels.items()]
    return "\n".join(
        [
            "# The bundle's image: podman build -t catdog-bundle .",
            "FROM scratch",
            *lines,
            "COPY manifests /manifests/",
            "COPY metadata /metadata/",
            "",
        ]
    )


class _Dumper(yaml.SafeDumper):
    """Writes a text of several lines as a block, which a person can read, and no references."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - PyYAML's signature
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _represent_text)


def _dump(value: Mapping[str, Any]) -> str:
    heading = "# Made by `make bundle` from manifests, crds and release/about.yaml; edit those.\n"
    return heading + yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
